"""The packed form: what is written is read back, what is broken is refused within bounds."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from contextlib import suppress

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lake_core.errors import PoisonRecord
from lake_core.packed import pack, unpack
from lake_core.wire import HEADER_BYTES, MAX_PAYLOAD_BYTES, Form, Header, is_packed

lines = st.lists(
    st.binary(min_size=1, max_size=50).map(lambda b: b.replace(b"\n", b"_")), min_size=1
)


@given(lines)
def test_events_are_read_back_in_order(events: list[bytes]) -> None:
    record = pack(events)
    assert is_packed(record)
    assert unpack(record) == events


def test_the_header_is_the_documented_18_bytes() -> None:
    record = pack([b'{"a":1}', b'{"b":2}'])
    payload = b'{"a":1}\n{"b":2}\n'
    assert record[:HEADER_BYTES] == b"\xf5LKP" + struct.pack(
        ">BBIII", 1, 0, 2, len(payload), zlib.crc32(payload)
    )
    assert zstandard.ZstdDecompressor().decompress(record[HEADER_BYTES:]) == payload


def test_json_is_not_taken_for_packed() -> None:
    assert not is_packed(b'{"machine_id":1}')
    assert not is_packed(b"")


@given(st.binary(max_size=100))
def test_no_bytes_behind_the_magic_raise_anything_but_poison(rest: bytes) -> None:
    with pytest.raises(PoisonRecord):
        unpack(b"\xf5LKP" + rest)


@given(lines, st.data())
def test_a_flipped_byte_is_noticed(events: list[bytes], data: st.DataObject) -> None:
    record = bytearray(pack(events))
    at = data.draw(st.integers(4, len(record) - 1))
    record[at] ^= data.draw(st.integers(1, 255))
    with suppress(PoisonRecord):
        assert unpack(bytes(record)) == events  # a bit that zstd does not use


def test_every_truncation_is_noticed() -> None:
    record = pack([b'{"a":1}'] * 20)
    for length in range(4, len(record)):
        with pytest.raises(PoisonRecord):
            unpack(record[:length])


def bomb(claimed: int, actual: int) -> bytes:
    frame = zstandard.ZstdCompressor(level=1).compress(b"\n" * actual)
    return Header(Form.NDJSON_ZSTD, 1, claimed, 0).encode() + frame


def test_a_bomb_is_refused_without_being_unpacked() -> None:
    record = bomb(claimed=1000, actual=300_000_000)
    tracemalloc.start()
    with pytest.raises(PoisonRecord):
        unpack(record)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (struct.pack(">4sBBIII", b"\xf5LKP", 9, 0, 1, 1, 0), "unknown form 9"),
        (struct.pack(">4sBBIII", b"\xf5LKP", 1, 4, 1, 1, 0), "unknown flags"),
        (struct.pack(">4sBBIII", b"\xf5LKP", 1, 0, 0, 1, 0), "0 events"),
        (struct.pack(">4sBBIII", b"\xf5LKP", 1, 0, 70_000, 1, 0), "70000 events"),
        (struct.pack(">4sBBIII", b"\xf5LKP", 1, 0, 1, 0, 0), "0 bytes"),
        (struct.pack(">4sBBIII", b"\xf5LKP", 1, 0, 1, MAX_PAYLOAD_BYTES + 1, 0), "bytes are"),
    ],
)
def test_a_header_out_of_its_limits_is_refused(header: bytes, reason: str) -> None:
    with pytest.raises(PoisonRecord, match=reason):
        unpack(header + b"....")


def test_a_writer_is_told_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="0 events"):
        pack([])
    with pytest.raises(ValueError, match="line end"):
        pack([b"a\nb"])
    with pytest.raises(ValueError, match="do not fit"):
        pack([b"x"] * 70_000)
