"""Kinesis records become entries: usable ones and poison, each with its index."""

from __future__ import annotations

import base64
import json
from itertools import chain

import pytest

from lake_core.layout import Chain, RangeName
from lake_core.names import Domain
from lake_core.packed import pack
from lake_core.parquet import read_object
from lake_core.rules import DEFAULT
from processor.chain import Range
from processor.kcl_protocol import UserRecord
from processor.objects import lake_object, quarantine_object
from processor.records import RecordParser, StreamRecord

READING = {
    "timestamp": "2025-01-01 00:02:00", "machine_id": 15, "temperature": 98.94,
    "vibration": 24.98, "humidity": 50.47, "pressure": 1.59, "energy_consumption": 3.08,
    "machine_status": 1, "anomaly_flag": 1, "predicted_remaining_life": 38,
    "failure_type": "Normal", "downtime_risk": 1.0, "maintenance_required": 1,
}  # fmt: skip
GOOD = json.dumps(READING).encode()
ARRIVAL = 1795459132361
CHAIN = Chain(Domain.MANUFACTURING, "20261123T181500123Z", "shardId-000000000000")


def user(data: bytes, sequence: int, sub: int = 0) -> UserRecord:
    return UserRecord(data, "15", str(sequence).zfill(30), ARRIVAL, sub)


def parse(*users: UserRecord) -> list[StreamRecord]:
    parser = RecordParser(Domain.MANUFACTURING)
    return list(chain.from_iterable(parser.parse(users, received=1.0)))


def as_range(records: list[StreamRecord]) -> Range:
    name = RangeName(CHAIN, records[0].hour, records[0].number)
    return Range(name, tuple(records), after="5")


def test_a_plain_record_is_one_entry() -> None:
    (record,) = parse(user(GOOD, 7))
    assert (record.number, record.sequence) == (7, "7".zfill(30))
    assert (list(record.indexes), list(record.poison)) == ([0], [])
    assert record.payload_bytes == record.stream_bytes == len(GOOD)


def test_poison_does_not_touch_its_neighbours_in_a_packed_record() -> None:
    (record,) = parse(user(pack([GOOD, b"junk", GOOD, b"{}"]), 7))
    assert list(record.indexes) == [0, 2]
    assert [poison.index for poison in record.poison] == [1, 3]
    assert record.payload_bytes == 2 * len(GOOD) + 6


def test_an_undecodable_packed_record_is_one_entry() -> None:
    broken = pack([GOOD] * 5)[:-3]
    (record,) = parse(user(broken, 7))
    assert (record.entries, record.poison[0].raw) == (1, broken)


def test_the_user_records_of_an_aggregate_are_one_record() -> None:
    first, second = parse(user(GOOD, 7, 0), user(b"junk", 7, 1), user(GOOD, 7, 2), user(GOOD, 8))
    assert (list(first.indexes), [p.index for p in first.poison]) == ([0, 2], [1])
    assert (first.last_sub_sequence, second.number) == (2, 8)


def test_the_quarantine_object_keeps_the_bytes_the_reason_and_the_place() -> None:
    due = as_range(parse(user(GOOD, 7), user(b"\xff\x00junk", 8)))
    made = quarantine_object(due)
    assert made is not None
    key, content = made
    assert key.startswith("quarantine/manufacturing/dt=2026-11-23/hh=")
    assert due.name.stem in key
    (line,) = (json.loads(text) for text in content.splitlines())
    assert base64.b64decode(line["data"]) == b"\xff\x00junk"
    assert line["reason"]
    assert (line["sequence_number"], line["record_index"]) == ("8".zfill(30), 0)
    assert (line["shard"], line["partition_key"]) == (CHAIN.shard, "15")
    assert quarantine_object(due) == made, "a retry writes the same object"


def test_the_lake_object_says_what_it_holds() -> None:
    due = as_range(parse(user(pack([GOOD, b"junk", GOOD]), 7), user(GOOD, 9)))
    body, _ = lake_object(due, DEFAULT, "quarantine/k")
    table, footer = read_object(body, "k")
    assert (footer.first, footer.last, footer.after) == ("7".zfill(30), "9".zfill(30), "5")
    assert (footer.records, footer.rows, footer.unusable, footer.entries) == (2, 3, 1, 4)
    assert (footer.quarantine, footer.scoring_version) == ("quarantine/k", "default-1")
    assert table["sequence_number"].to_pylist() == ["7".zfill(30)] * 2 + ["9".zfill(30)]
    assert table["record_index"].to_pylist() == [0, 2, 0]
    assert table["maintenance_priority_score"].to_pylist() == [pytest.approx(1.37)] * 3


def test_a_range_without_a_usable_row_still_has_its_object() -> None:
    due = as_range(parse(user(b"junk", 7)))
    body, footer = lake_object(due, DEFAULT, "quarantine/k")
    assert read_object(body, "k")[0].num_rows == footer.rows == 0
    assert quarantine_object(as_range(parse(user(GOOD, 7)))) is None
