"""The ingestor as a process against an emulator: what is on the stream, in the bucket, in the log.

A lake has one stream a domain, so these tests share the streams' names; each makes them anew.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lake_core.layout import cursor_key, ingest_quarantine_key, raw_key
from lake_core.names import STREAMS, Domain, domain_of_stream
from lake_core.wire import Packing
from lake_local import emulator as embedded
from lake_local.generator import write_ecommerce, write_manufacturing
from lake_local.ports import free_port
from lake_local.processes import Processes
from tests.aws import Aws
from tests.integration.waiting import eventually
from tests.plain_lines import plain_lines

SHARDS = 3
STREAM = STREAMS[Domain.MANUFACTURING]


@dataclass
class Lake:
    """An emulator of its own: the streams' names are fixed, and others use them too."""

    aws: Aws
    bucket: str
    directory: Path

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "ingestor", *arguments],
            env=embedded.system_environment() | self.aws.env | {"INGESTOR_BUCKET": self.bucket},
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
        """Run to the end; return the log lines."""
        return self.ended(self.start(*arguments), code)

    def ended(self, process: subprocess.Popen[str], code: int) -> list[dict[str, Any]]:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == code, errors
        return [json.loads(line) for line in errors.splitlines() if line.startswith("{")]

    def replay(self, source: Path | str, *options: str, code: int = 0) -> list[dict[str, Any]]:
        return self.run("replay", "--source", str(source), "--stream", STREAM, *options, code=code)

    def object(self, key: str) -> bytes:
        found: bytes = self.aws.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return found

    def events(self, stream: str = STREAM) -> list[dict[str, Any]]:
        """Return what is on the stream, and check that each event is on its own shard."""
        kinesis = self.aws.client("kinesis")
        found: list[dict[str, Any]] = []
        for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
            iterator = kinesis.get_shard_iterator(
                StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while records := (answer := kinesis.get_records(ShardIterator=iterator, Limit=10_000))[
                "Records"
            ]:
                iterator = answer["NextShardIterator"]
                for record in records:
                    lines = plain_lines(domain_of_stream(stream), record["Data"])
                    found += [json.loads(line) | {"shard": shard["ShardId"]} for line in lines]
        return found


def rows_of(events: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return sorted((e["event_source"].rsplit("-", 1)[1], e["event_row"]) for e in events)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    port = free_port()
    with Processes(tmp_path / "logs") as processes:
        processes.start(embedded.program(port, tmp_path, embedded.system_environment()))
        assert eventually(lambda: embedded.answers(port), 60), "the emulator is up"
        aws = Aws(
            {
                "AWS_ENDPOINT_URL": embedded.endpoint(port),
                "AWS_REGION": "us-east-1",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
            }
        )
        bucket = f"lake-{uuid.uuid4().hex[:8]}"
        aws.client("s3").create_bucket(Bucket=bucket)
        for stream in STREAMS.values():
            aws.client("kinesis").create_stream(StreamName=stream, ShardCount=SHARDS)
        yield Lake(aws, bucket, tmp_path)


@pytest.fixture
def readings(tmp_path: Path) -> Path:
    write_manufacturing(tmp_path / "m.csv", 3000)
    return tmp_path / "m.csv"


@pytest.mark.parametrize("packing", list(Packing))
def test_every_value_of_the_uploaded_file_is_on_the_stream(
    lake: Lake, readings: Path, packing: str
) -> None:
    lake.run("upload", "--domain", "manufacturing", "--file", str(readings))
    key = raw_key(Domain.MANUFACTURING)
    assert lake.object(key) == readings.read_bytes()
    log = lake.replay(f"s3://{lake.bucket}/{key}", "--packing", packing)
    assert (log[-1]["message"], log[-1]["sent"], log[-1]["quarantined"]) == ("replayed", 3000, 0)
    found = sorted(lake.events(), key=lambda event: event["event_row"])
    with readings.open(newline="") as file:
        expected = list(csv.DictReader(file))
    assert len(found) == len(expected)
    for row, (event, cells) in enumerate(zip(found, expected, strict=True)):
        assert event["event_row"] == row
        assert {name: str(event[name]) for name in cells} == cells


@pytest.mark.parametrize("packing", ["kpl", "ndjson-zstd", "arrow-zstd"])
def test_a_packed_event_is_on_the_shard_of_its_key(
    lake: Lake, readings: Path, packing: str
) -> None:
    lake.replay(readings)
    plain = {e["machine_id"]: e["shard"] for e in lake.events()}
    lake.replay(readings, "--packing", packing, "--start-lap", "1")
    packed = [e for e in lake.events() if e["event_source"].endswith("-1")]
    assert len(packed) == 3000
    assert all(plain[e["machine_id"]] == e["shard"] for e in packed)
    assert len(set(plain.values())) == SHARDS


@pytest.mark.parametrize("packing", ["kpl", "ndjson-zstd", "arrow-zstd"])
def test_the_shop_s_file_is_taken_as_it_was_downloaded(
    lake: Lake, tmp_path: Path, packing: str
) -> None:
    path = tmp_path / "shop.csv"
    write_ecommerce(path, 500)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    stream = STREAMS[Domain.ECOMMERCE]
    log = lake.run("replay", "--source", str(path), "--stream", stream, "--packing", packing)
    assert (log[-1]["sent"], log[-1]["quarantined"]) == (500, 0)
    found = lake.events(stream)
    assert {e["event_row"] for e in found} == set(range(500))
    assert any("É" in e["Location"] or "," in e["Location"] for e in found)


def test_interrupted_and_resumed_every_row_is_sent_once_and_it_says_so(
    lake: Lake, readings: Path
) -> None:
    options = ["replay", "--source", str(readings), "--stream", STREAM, "--rate", "1000/s"]
    child = lake.start(*options)
    assert eventually(lambda: len(lake.events()) > 200, 30), "events flow"
    began = time.monotonic()
    child.terminate()
    log = lake.ended(child, 143)
    assert time.monotonic() - began < 5
    assert log[-1]["message"] == "interrupted; go on with --resume"
    sent = log[-1]["sent"]
    assert len(lake.events()) == sent < 3000
    log = lake.replay(readings, "--resume")
    assert log[0]["message"] == f"resuming at row {sent} of lap 0, {3000 - sent} rows remain"
    assert rows_of(lake.events()) == [("0", row) for row in range(3000)]


def test_killed_and_resumed_no_row_is_lost_and_bad_ones_stay_in_quarantine(
    lake: Lake, readings: Path
) -> None:
    lines = readings.read_text().splitlines(keepends=True)
    lines[11] = "broken,row\n"  # data row 10
    readings.write_text("".join(lines))
    child = lake.start(
        "replay", "--source", str(readings), "--stream", STREAM, "--rate", "600/s"
    )  # fmt: skip
    assert eventually(lambda: len(lake.events()) > 1200, 30), "events flow"
    child.kill()
    child.communicate()
    state = json.loads(lake.object(cursor_key(STREAM)))
    assert state["position"]["row"] > 10
    lake.replay(readings, "--resume", code=1)  # the claim of the one killed still holds
    state |= {"owner": None, "until": 0.0}  # as it is once that has expired
    lake.aws.client("s3").put_object(
        Bucket=lake.bucket, Key=cursor_key(STREAM), Body=json.dumps(state).encode()
    )
    lake.replay(readings, "--resume")
    assert {row for _, row in rows_of(lake.events())} == set(range(3000)) - {10}
    source = f"m.csv-{state['digest']}-0"
    kept = lake.object(ingest_quarantine_key(Domain.MANUFACTURING, source)).splitlines()
    assert [json.loads(line)["row"] for line in kept] == [10]


def test_slices_that_overlap_neither_repeat_nor_skip_rows(lake: Lake, readings: Path) -> None:
    slice_ = ["replay", "--source", str(readings), "--stream", STREAM, "--every", "300", "--once"]
    rate = ["--rows-per-day", "72000"]  # 250 a tick
    for _ in range(2):
        children = [lake.start(*slice_, *rate) for _ in range(3)]
        for child in children:
            lake.ended(child, 0)
    rows = rows_of(lake.events())
    assert len(rows) >= 500
    assert rows == [("0", row) for row in range(len(rows))]


def test_slices_go_on_with_the_next_lap(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    write_manufacturing(path, 100)
    lake.replay(path, "--every", "300", "--once", "--rows-per-day", "72000")
    assert rows_of(lake.events()) == [(str(n // 100), n % 100) for n in range(250)]


@pytest.mark.parametrize(
    ("content", "options", "code"),
    [
        (b"", [], 1),
        (b"a,b\n1,2\n", [], 1),
        (None, [], 1),
        (b"", ["--rate", "fast"], 2),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_is(
    lake: Lake, tmp_path: Path, content: bytes | None, options: list[str], code: int
) -> None:
    path = tmp_path / "wrong.csv"
    if content is not None:
        path.write_bytes(content)
    log = lake.replay(path, *options, code=code)
    if code == 1:
        assert "wrong.csv" in log[-1]["message"]
    assert lake.events() == []
    assert "Contents" not in lake.aws.client("s3").list_objects_v2(Bucket=lake.bucket)


def test_what_is_missing_on_aws_is_named(lake: Lake, readings: Path) -> None:
    lake.aws.client("kinesis").delete_stream(StreamName=STREAM)
    log = lake.replay(readings, code=1)
    assert STREAM in log[-1]["message"]
    assert "does not exist; create it first" in log[-1]["message"]
    lake.bucket = "no-such-bucket"
    log = lake.run("upload", "--domain", "manufacturing", "--file", str(readings), code=1)
    assert "the bucket no-such-bucket does not exist" in log[-1]["message"]
