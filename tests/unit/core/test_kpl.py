"""Aggregates: the format that KCL takes apart, written and read back."""

from __future__ import annotations

import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lake_core.errors import PoisonRecord
from lake_core.kpl import MAGIC, KplRecord, aggregate, disaggregate, is_aggregate

ENTRIES = st.lists(st.tuples(st.text(min_size=1, max_size=20), st.binary(max_size=300)), max_size=9)


@given(ENTRIES)
def test_user_records_are_read_back_each_with_the_hash_key_of_all(
    entries: list[tuple[str, bytes]],
) -> None:
    record = aggregate(entries, "77")
    assert is_aggregate(record)
    assert disaggregate(record) == [KplRecord(key, "77", data) for key, data in entries]


def test_the_bytes_are_those_of_the_published_format() -> None:
    message = (
        b"\x0a\x01a\x0a\x01b\x12\x025\x35"
        b"\x1a\x07\x08\x00\x10\x00\x1a\x01x\x1a\x07\x08\x01\x10\x00\x1a\x01y"
    )  # fmt: skip
    digest = hashlib.md5(message, usedforsecurity=False).digest()
    assert aggregate([("a", b"x"), ("b", b"y")], "55") == MAGIC + message + digest


@given(ENTRIES, st.data())
def test_damage_is_noticed(entries: list[tuple[str, bytes]], data: st.DataObject) -> None:
    record = bytearray(aggregate(entries, "77"))
    record[data.draw(st.integers(0, len(record) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(PoisonRecord):
        disaggregate(bytes(record))


@given(st.binary(max_size=60))
def test_no_message_raises_anything_but_poison(message: bytes) -> None:
    digest = hashlib.md5(message, usedforsecurity=False).digest()
    with suppress(PoisonRecord):
        disaggregate(MAGIC + message + digest)


def test_what_no_kinesis_record_holds_is_told_to_the_writer() -> None:
    with pytest.raises(ValueError, match="an aggregate of"):
        aggregate([("k", b"x" * 1024 * 1024)], "1")
