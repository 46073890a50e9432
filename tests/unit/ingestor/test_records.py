"""Which shard an event goes to, and how events become records."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestor import shards
from ingestor.records import NdjsonPacker, OutgoingRecord, PackedRecords, PlainRecords
from ingestor.shards import Shard, ShardMap
from lake_core.packed import unpack
from lake_core.wire import MAX_RECORD_BYTES
from tests.unit.ingestor.sample import HASHES, shard_map

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
    (record,) = PlainRecords(lambda: shard_map(4)).add("7", b"{}", 3, 0.0)
    assert (record.data, record.partition_key, record.hash_key) == (b"{}", "7", None)
    assert record.shard_id == shard_map(4).shard_of("7").shard_id


@given(st.lists(EVENT, max_size=200), st.integers(1, 5), st.integers(100, 5000))
def test_packing_loses_and_reorders_nothing_within_a_shard(
    events: list[tuple[str, bytes]], count: int, payload_bytes: int
) -> None:
    known = shard_map(count)
    packed = PackedRecords(NdjsonPacker(), lambda: known, payload_bytes, 1.0)
    records: list[OutgoingRecord] = []
    for position, (key, raw) in enumerate(events):
        records += packed.add(key, raw, position, 0.0)
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
    packed = PackedRecords(NdjsonPacker(), lambda: shard_map(1), 10**9, 1.0)
    records = [r for n, raw in enumerate(noise) for r in packed.add("k", raw, n, 0.0)]
    records += packed.rest()
    assert [line for record in records for line in unpack(record.data)] == noise
    assert all(record.size <= MAX_RECORD_BYTES for record in records)


def test_events_linger_no_longer_than_they_may() -> None:
    packed = PackedRecords(NdjsonPacker(), lambda: shard_map(1), 10_000, 0.5)
    assert list(packed.add("k", b"{}", 0, 10.0)) == []
    assert list(packed.due(10.4)) == []
    assert [record.events for record in packed.due(10.5)] == [1]


def test_a_new_shard_map_sends_what_was_packed_by_the_old_one_first() -> None:
    maps = [shard_map(1)]
    packed = PackedRecords(NdjsonPacker(), lambda: maps[-1], 10_000, 1.0)
    assert list(packed.add("k", b"1", 0, 0.0)) == []
    maps.append(shard_map(2))
    (old,) = packed.add("k", b"2", 1, 0.0)
    assert unpack(old.data) == [b"1"]
    assert [unpack(record.data) for record in packed.rest()] == [[b"2"]]
