"""What is in quarantine goes out again when it can be used, and never under two names."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence

import pytest

from ingestor.putter import PutResult, Putter
from ingestor.records import OutgoingRecord, PlainRecords
from ingestor.requeue import QuarantineKey, Requeued, requeue
from ingestor.settings import Settings
from ingestor.shards import Shard, ShardMap
from lake_core.errors import InputError
from lake_core.names import Domain
from lake_core.parsing import parse_event

KEY = "quarantine/manufacturing/dt=2026-11-23/hh=18/shardId-0-20261123T181500123Z-7-abc.jsonl"
STEM = "shardId-0-20261123T181500123Z-7-abc"
MAP = ShardMap.of([Shard("shardId-000000000000", 0, 2**128 - 1)])
READING = {
    "timestamp": "2025-01-01 00:02:00", "machine_id": 15, "temperature": 98.94,
    "vibration": 24.98, "humidity": 50.47, "pressure": 1.59, "energy_consumption": 3.08,
    "machine_status": 1, "anomaly_flag": 1, "predicted_remaining_life": 38,
    "failure_type": "Normal", "downtime_risk": 1.0, "maintenance_required": 1,
}  # fmt: skip


class KeptStream:
    """Keeps what was put."""

    def __init__(self) -> None:
        self.data: list[bytes] = []

    def put(self, records: Sequence[OutgoingRecord]) -> list[PutResult]:
        self.data += [record.data for record in records]
        return [PutResult(record.shard_id, None) for record in records]


def line(raw: bytes) -> bytes:
    return json.dumps({"reason": "bad", "data": base64.b64encode(raw).decode()}).encode()


def run(
    key: str, lines: list[bytes], corrected: bytes | None = None
) -> tuple[Requeued, list[bytes]]:
    stream = KeptStream()
    putter = Putter(stream, Settings(bucket="b"), lambda: None)
    given = io.BytesIO(corrected) if corrected is not None else None
    try:
        parsed = QuarantineKey.parse(key)
        records = PlainRecords(parsed.domain, lambda: MAP)
        done = requeue(parsed, lines, given, records, putter)
    finally:
        putter.close()
    return done, stream.data


def identities(data: list[bytes]) -> list[tuple[str, int] | None]:
    return [parse_event(Domain.MANUFACTURING, raw).identity for raw in data]


def test_entries_that_can_be_used_now_are_sent_and_the_rest_is_counted() -> None:
    done, data = run(KEY, [line(b"junk"), line(json.dumps(READING).encode()), b""])
    assert (done.sent, done.unusable) == (1, 1)
    assert identities(data) == [(f"requeue:{STEM}", 1)]


def test_an_entry_keeps_the_identity_it_has() -> None:
    raw = json.dumps(READING | {"event_source": "mine.csv-0a-0", "event_row": 5}).encode()
    assert identities(run(KEY, [line(raw)])[1]) == [("mine.csv-0a-0", 5)]


def test_doing_it_twice_gives_the_same_identities() -> None:
    lines = [line(json.dumps(READING).encode())] * 3
    assert identities(run(KEY, lines)[1]) == identities(run(KEY, lines)[1])


def test_corrections_go_line_for_line() -> None:
    fixed = json.dumps(READING).encode()
    done, data = run(KEY, [line(b"a"), line(b"b"), line(b"c")], b"\n" + fixed + b"\n\n")
    assert (done.sent, done.unusable) == (1, 2)
    assert identities(data) == [(f"requeue:{STEM}", 1)]


def test_a_csv_row_keeps_the_identity_of_its_file() -> None:
    cells = [str(value) for value in READING.values()]
    entry = json.dumps({"file": "f.csv", "row": 9, "reason": "bad", "cells": cells}).encode()
    _, data = run("quarantine/manufacturing/ingest/f.csv-0badcafe-0.jsonl", [entry])
    assert identities(data) == [("f.csv-0badcafe-0", 9)]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("processed/manufacturing/x.parquet", "not the key of a quarantine object"),
        ("quarantine/weather/x.jsonl", "not the key of a quarantine object"),
        ("quarantine/manufacturing/ingest/f.csv-0badcafe-2.jsonl", "later lap"),
    ],
)
def test_another_key_is_refused_by_name(key: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        QuarantineKey.parse(key)
    assert key in str(caught.value)


def test_a_line_of_another_kind_is_refused_by_number() -> None:
    with pytest.raises(InputError, match="line 2"):
        run(KEY, [line(b"junk"), b"not json"])
