"""Which shard an event goes to, and how events become records."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import random
from itertools import chain, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestor import shards
from ingestor.arrow_packer import ArrowPacker
from ingestor.csv_columns import GoodRows, column_rows
from ingestor.packers import NdjsonPacker
from ingestor.records import PUT_UNIT_BYTES, OutgoingRecord, PackedRecords, PlainRecords
from ingestor.shards import Shard, ShardMap
from ingestor.source import GoodRow
from lake_core.events import partition_key
from lake_core.names import Domain
from lake_core.packed import unpack
from lake_core.schema import Kind, columns
from lake_core.wire import MAX_RECORD_BYTES, Packing
from tests.plain_lines import plain_lines
from tests.unit.ingestor.sample import (
    HASHES,
    PURCHASE,
    csv_of,
    reading,
    records_of,
    shard_map,
    source_of,
)

NOW = dt.datetime(2026, 11, 23, 18, 15, tzinfo=dt.UTC)
KINDS = [column.kind for column in columns(Domain.ECOMMERCE)]

KEY = st.text(min_size=1, max_size=20)
EVENT = st.tuples(KEY, st.binary(min_size=1, max_size=300).filter(lambda raw: b"\n" not in raw))


@given(KEY, st.sets(st.integers(1, HASHES - 1), max_size=20))
def test_a_key_belongs_to_the_one_shard_whose_range_holds_its_md5(key: str, cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), HASHES]
    made = [Shard(f"s{n}", a, b - 1) for n, (a, b) in enumerate(pairwise(edges))]
    number = int.from_bytes(hashlib.md5(key.encode(), usedforsecurity=False).digest(), "big")
    holding = [shard for shard in made if shard.first_hash <= number <= shard.last_hash]
    assert [ShardMap.of(made[::-1]).shard_of(key)] == holding


@pytest.mark.parametrize("count", [1, 2, 17])
def test_the_explicit_hash_key_lies_in_its_shard(count: int) -> None:
    for shard in shard_map(count).shards:
        assert shard.first_hash <= int(shard.hash_key) <= shard.last_hash


def test_keys_are_not_remembered_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "MAX_KNOWN_KEYS", 10)
    known = shard_map(2)
    for number in range(1000):
        known.shard_of(str(number))
    assert len(known._known) <= 10


def test_a_plain_record_is_the_event_itself() -> None:
    (record,) = PlainRecords(Domain.MANUFACTURING, lambda: shard_map(4)).add("7", b"{}", 3, 0.0)
    assert (record.data, record.partition_key, record.hash_key) == (b"{}", "7", None)
    assert record.shard_id == shard_map(4).shard_of("7").shard_id


@given(st.lists(EVENT, max_size=200), st.integers(1, 5), st.integers(100, 5000))
def test_packing_loses_and_reorders_nothing_within_a_shard(
    events: list[tuple[str, bytes]], count: int, payload_bytes: int
) -> None:
    known = shard_map(count)
    packed = PackedRecords(NdjsonPacker(Domain.MANUFACTURING), lambda: known, payload_bytes, 1.0)
    records: list[OutgoingRecord] = []
    for position, (key, raw) in enumerate(events):
        records += packed.add(key, raw + b"\n", position, 0.0)
        first_unsent = min(packed.held_positions())
        assert first_unsent <= position
    records += packed.rest()
    assert packed.held_positions() == []
    for shard in known.shards:
        sent = [line for r in records if r.shard_id == shard.shard_id for line in unpack(r.data)]
        assert sent == [raw for key, raw in events if known.shard_of(key) == shard]
    assert sum(record.events for record in records) == len(events)
    assert all(record.size <= MAX_RECORD_BYTES for record in records)


def test_what_cannot_be_compressed_still_fits_a_record() -> None:
    noise = [
        hashlib.shake_256(bytes([n % 251, n // 251])).hexdigest(5000).encode() for n in range(300)
    ]
    packed = PackedRecords(NdjsonPacker(Domain.MANUFACTURING), lambda: shard_map(1), 10**9, 1.0)
    records = [r for n, raw in enumerate(noise) for r in packed.add("k", raw + b"\n", n, 0.0)]
    records += packed.rest()
    assert [line for record in records for line in unpack(record.data)] == noise
    assert all(record.size <= MAX_RECORD_BYTES for record in records)


def test_records_fill_whole_put_units_once_one_has_shown_how_far_they_shrink() -> None:
    draw = random.Random(9)  # noqa: S311 - only to be different
    lines = [b"%x\n" % draw.getrandbits(1600) for _ in range(15_000)]
    known = shard_map(1)
    packed = PackedRecords(NdjsonPacker(Domain.MANUFACTURING), lambda: known, 100 * 1024, 1.0)
    records = [r for n, line in enumerate(lines) for r in packed.add("k", line, n, 0.0)]
    assert len(records) > 50
    for record in records[1:]:
        assert 0.9 < record.size / PUT_UNIT_BYTES % 1 < 1


def test_events_linger_no_longer_than_they_may() -> None:
    packed = PackedRecords(NdjsonPacker(Domain.MANUFACTURING), lambda: shard_map(1), 10_000, 0.5)
    assert list(packed.add("k", b"{}\n", 0, 10.0)) == []
    assert list(packed.due(10.4)) == []
    assert [record.events for record in packed.due(10.5)] == [1]


def test_a_new_shard_map_sends_what_was_packed_by_the_old_one_first() -> None:
    maps = [shard_map(1)]
    packed = PackedRecords(NdjsonPacker(Domain.MANUFACTURING), lambda: maps[-1], 10_000, 1.0)
    assert list(packed.add("k", b"1\n", 0, 0.0)) == []
    maps.append(shard_map(2))
    (old,) = packed.add("k", b"2\n", 1, 0.0)
    assert unpack(old.data) == [b"1"]
    assert [unpack(record.data) for record in packed.rest()] == [[b"2"]]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("payload_bytes", [600, 10_000, 1024 * 1024])
@pytest.mark.parametrize("packing", list(Packing))
def test_rows_and_events_keep_their_order_within_a_shard(
    count: int, payload_bytes: int, packing: Packing
) -> None:
    known = shard_map(count)
    packed = records_of(packing, lambda: known, payload_bytes)
    records: list[OutgoingRecord] = []
    for piece in column_rows(source_of(csv_of([reading(n) for n in range(400)]))):
        assert isinstance(piece, GoodRows)
        for part in (piece.slice(0, 150), piece.slice(151, 249)):
            rows = part.identified("s-1-0", 0, NOW)
            records += packed.add_rows(rows, 1000 + part.row, 0.0)
            if part.row == 0:
                (good,) = source_of(csv_of([reading(150)])).rows()
                assert isinstance(good, GoodRow)
                good.event.event_row = 150
                key = partition_key(good.event)
                records += packed.add(key, packed.entry(good.event), 1150, 0.0)
    records += packed.rest()
    sent: dict[str, list[int]] = {}
    for record in records:
        lines = plain_lines(Domain.MANUFACTURING, record.data)
        events = [json.loads(line) for line in lines]
        assert all(b"\n" not in line for line in lines)
        assert record.events == len(events)
        assert record.first_position == 1000 + events[0]["event_row"]
        assert record.partition_key == str(events[0]["machine_id"])
        assert {known.shard_of(str(row["machine_id"])).shard_id for row in events} == {
            record.shard_id
        }
        sent.setdefault(record.shard_id, []).extend(row["event_row"] for row in events)
    assert sorted(chain.from_iterable(sent.values())) == list(range(400))
    assert all(rows == sorted(rows) for rows in sent.values())


def test_rows_that_do_not_compress_are_spread_over_records() -> None:
    draw = random.Random(1)  # noqa: S311 - only to be different
    lines = [
        ",".join(
            f"{cell}{draw.getrandbits(900):x}" if kind is Kind.STRING else cell
            for kind, cell in zip(KINDS, PURCHASE.values(), strict=True)
        )
        for _ in range(600)
    ]
    content = "\n".join([",".join(PURCHASE), *lines, ""]).encode()
    known = shard_map(1)
    packed = PackedRecords(ArrowPacker(Domain.ECOMMERCE), lambda: known, 1024 * 1024, 1.0)
    made: list[OutgoingRecord] = []
    for rows in column_rows(source_of(content, Domain.ECOMMERCE)):
        assert isinstance(rows, GoodRows)
        made += packed.add_rows(rows.identified("s-1-0", 0, NOW), rows.row, 0.0)
    made += packed.rest()
    assert len(made) > 1
    assert sum(record.events for record in made) == 600
    assert all(record.size <= MAX_RECORD_BYTES for record in made)
