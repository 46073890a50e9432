"""Kinesis records become entries: usable ones and poison, each with its index."""

from __future__ import annotations

import base64
import json

import pytest

from lake_core.layout import Chain, RangeName
from lake_core.names import Domain
from lake_core.packed import pack
from lake_core.parquet import read_object
from lake_core.rules import DEFAULT
from processor.chain import Range
from processor.kcl_protocol import UserRecord
from processor.objects import lake_object, quarantine_object
from processor.record_run import RecordRun
from processor.records import RecordParser

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


def parse(*users: UserRecord) -> list[RecordRun]:
    return list(RecordParser(Domain.MANUFACTURING).parse(users, received=1.0))


def as_range(runs: list[RecordRun]) -> Range:
    name = RangeName(CHAIN, runs[0].hour, runs[0].first_number)
    return Range(name, tuple(runs), after="5")


def test_a_plain_record_is_one_entry() -> None:
    (record,) = parse(user(GOOD, 7))
    assert (record.first_number, record.sequences) == (7, ["7".zfill(30)])
    assert (len(record), record.usable, record.entries) == (1, 1, 1)
    assert record.payload_bytes == sum(record.sizes) == len(GOOD)


def test_plain_records_are_one_run_and_poison_among_them_stands_alone() -> None:
    runs = parse(*(user(b"junk" if n == 3 else GOOD, n) for n in range(1, 6)))
    assert [(run.first_number, run.last_number, run.usable) for run in runs] == [
        (1, 2, 2), (3, 3, 0), (4, 5, 2),
    ]  # fmt: skip
    assert [run.row for run in runs if run.usable] == [0, 2]
    assert [poison.raw for run in runs for poison in run.poison] == [b"junk"]


def test_a_run_is_cut_between_any_two_records() -> None:
    (run,) = parse(*(user(GOOD, n) for n in range(1, 6)))
    for count in range(1, 5):
        first, rest = run.cut(count)
        assert rest is not None
        assert [*first.sequences, *rest.sequences] == run.sequences
        assert (first.row, rest.row, first.payload_bytes) == (0, count, count * len(GOOD))
    assert run.cut(5) == (run, None)


def test_a_run_says_where_a_range_is_full() -> None:
    (run,) = parse(*(user(GOOD, n) for n in range(1, 6)))
    size = len(GOOD)
    assert [run.filling(entries, 10**9) for entries in (1, 4, 5, 6)] == [1, 4, 5, None]
    assert [run.filling(9, least) for least in (1, size, size + 1, 5 * size)] == [1, 1, 2, 5]
    assert run.filling(9, 5 * size + 1) is None
    assert run.filling(2, 4 * size) == 2


def test_poison_does_not_touch_its_neighbours_in_a_packed_record() -> None:
    (record,) = parse(user(pack([GOOD, b"junk", GOOD, b"{}"]), 7))
    assert list(record.indexes or ()) == [0, 2]
    assert [poison.index for poison in record.poison] == [1, 3]
    assert record.payload_bytes == 2 * len(GOOD) + 6


def test_an_undecodable_packed_record_is_one_entry() -> None:
    broken = pack([GOOD] * 5)[:-3]
    (record,) = parse(user(broken, 7))
    assert (record.entries, record.poison[0].raw) == (1, broken)


def test_the_user_records_of_an_aggregate_are_one_record() -> None:
    first, second = parse(user(GOOD, 7, 0), user(b"junk", 7, 1), user(GOOD, 7, 2), user(GOOD, 8))
    assert (list(first.indexes or ()), [p.index for p in first.poison]) == ([0, 2], [1])
    assert (first.last_sub_sequence, second.first_number) == (2, 8)


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
