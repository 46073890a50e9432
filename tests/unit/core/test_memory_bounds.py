"""What one packed record may cost its reader, whatever it holds: measured, in MiB."""

from __future__ import annotations

import base64
import json
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import pyarrow as pa
import pytest
import zstandard
from pyarrow import ipc

from lake_core.arrow import event_schema
from lake_core.names import Domain
from lake_core.wire import MAX_EVENTS, MAX_PAYLOAD_BYTES, Form, Header

# Twelve payloads: what 65,536 refused rows are as Python objects, with their reasons and their
# JSON (measured: 131). A usable record of that size takes 62 as JSON and 11 as columns.
MOST_MEBIBYTES: Final = 192
DOMAIN: Final = Domain.MANUFACTURING
HERE: Final = Path(__file__).resolve().parent
GOOD: Final[dict[str, Any]] = {
    "timestamp": "2025-01-01 00:02:00", "machine_id": 15, "temperature": 98, "vibration": 24,
    "humidity": 50, "pressure": 1, "energy_consumption": 3, "machine_status": 1, "anomaly_flag": 1,
    "predicted_remaining_life": 38, "failure_type": "Normal", "downtime_risk": 1,
    "maintenance_required": 1,
}  # fmt: skip
_CONTINUATION: Final = 0xFFFFFFFF
_ROWS: Final = 12_345  # a number that stands nowhere in a stream but where rows are counted
_CASES: Final[dict[str, tuple[str, Callable[[], bytes]]]] = {}


def case(told: str) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    """Note a way to make a record, and the words that are told of it."""

    def note(make: Callable[[], bytes]) -> Callable[[], bytes]:
        _CASES[make.__name__] = told, make
        return make

    return note


def sealed(form: Form, events: int, payload: bytes) -> bytes:
    """A record whose header is right; `seal` would refuse some."""
    header = Header(form, events, len(payload), crc32(payload)).encode()
    return header + zstandard.ZstdCompressor(level=3).compress(payload)


def framed(frame: bytes) -> bytes:
    return Header(Form.NDJSON_ZSTD, 1, MAX_PAYLOAD_BYTES, 0).encode() + frame


def lines(line: bytes) -> bytes:
    """As many of a line as a record may hold."""
    count = min(MAX_EVENTS, MAX_PAYLOAD_BYTES // (len(line) + 1))
    return sealed(Form.NDJSON_ZSTD, count, (line + b"\n") * count)


def arrow(rows: int, **other: Any) -> pa.RecordBatch:
    """A batch of equal readings, some columns otherwise."""
    values = GOOD | {"event_source": "s", "event_row": 1, "ingest_timestamp": None}
    arrays: list[Any] = []
    for field in event_schema(DOMAIN):
        value = values[field.name]
        if field.name == "timestamp":
            value = 1_735_689_720_000_000
        kind: Any = field.type
        if isinstance(kind, pa.DictionaryType):
            word = pa.array([value], pa.string())
            arrays.append(pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), word))
        else:
            arrays.append(pa.array([value] * rows, kind))
    names = event_schema(DOMAIN).names
    for name, array in other.items():
        if name in names:
            arrays[names.index(name)] = array
    return pa.RecordBatch.from_arrays(arrays, names=names)


def stream(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def messages(payload: bytes) -> Iterator[tuple[str, bytes]]:
    """The messages of a stream as they stand."""
    at = 0
    for message in ipc.MessageReader.open_stream(pa.py_buffer(payload)):
        (metadata,) = struct.unpack_from("<I", payload, at + 4)
        end = at + 8 + metadata + (message.body.size if message.body else 0)
        yield message.type, payload[at:end]
        at = end


# --- frames


@case("window of 1152921504606846976 bytes is refused")
def a_frame_that_claims_an_exabyte() -> bytes:
    return framed(struct.pack("<IBQ", 0xFD2FB528, 0b1110_0000, 1 << 60) + b"\0" * 32)


@case("window of 134217728 bytes is refused")
def a_frame_that_wants_a_window_of_128_mebibytes() -> bytes:
    parameters = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    one = zstandard.ZstdCompressor(compression_params=parameters).compressobj()  # knows no size
    return framed(one.compress(b" " * 1000) + one.flush())


@case("not of the 16777216 bytes")
def frames_behind_one_another() -> bytes:
    return framed(zstandard.ZstdCompressor().compress(b"\n" * (MAX_PAYLOAD_BYTES // 2)) * 2)


@case("not of the 16777216 bytes")
def a_hundred_thousand_empty_frames() -> bytes:
    return framed(zstandard.ZstdCompressor().compress(b"") * 100_000)


@case("packed: ")
def a_frame_to_be_skipped_that_never_ends() -> bytes:
    return framed(struct.pack("<II", 0x184D2A50, 0xFFFFFFFF) + b"\0" * 1000)


@case("not of the 16777216 bytes")
def a_frame_of_64_mebibytes() -> bytes:
    return framed(zstandard.ZstdCompressor().compress(b"\n" * (1 << 26)))


# --- lines


@case("62836 entries")
def as_many_events_as_fit() -> bytes:
    return lines(json.dumps(GOOD, separators=(",", ":")).encode())


@case("65536 entries")
def lines_of_one_byte() -> bytes:
    return lines(b"x")


@case("65536 entries")
def objects_that_are_no_events() -> bytes:
    return lines(b'{"x":1' + b" " * 248 + b"}")


@case("1 entries")
def brackets_without_end() -> bytes:
    return lines(b"[" * (MAX_PAYLOAD_BYTES - 1))


@case("1 entries")
def an_object_of_five_million_lists() -> bytes:
    return lines(b'{"timestamp":1,"a":[' + b",".join([b"[]"] * 5_500_000) + b"]}")


# --- Arrow


@case("65536 entries")
def as_many_rows_as_fit() -> bytes:
    return sealed(Form.ARROW_ZSTD, MAX_EVENTS, stream(arrow(MAX_EVENTS)))


@case("65536 entries")
def rows_that_are_all_refused() -> bytes:
    wrong = pa.array([-1] * MAX_EVENTS, event_schema(DOMAIN).field("machine_id").type)
    return sealed(Form.ARROW_ZSTD, MAX_EVENTS, stream(arrow(MAX_EVENTS, machine_id=wrong)))


@case("1000 entries")
def a_dictionary_that_fills_the_record() -> bytes:
    words = pa.array([f"{n:05x}" for n in range(300_000)], pa.large_string())
    used = pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), words)
    return sealed(Form.ARROW_ZSTD, 1000, stream(arrow(1000, failure_type=used)))


@case("packed: ")
def eighty_thousand_dictionaries() -> bytes:
    found = list(messages(stream(arrow(10))))
    words = [raw for kind, raw in found if kind == "dictionary"]
    more = words[0] * ((MAX_PAYLOAD_BYTES - 10_000) // len(words[0]))
    payload = found[0][1] + more + words[1] + found[-1][1][:-1]  # cut, or it would be sound
    return sealed(Form.ARROW_ZSTD, 10, payload)


@case("packed: ")
def a_message_longer_than_memory() -> bytes:
    payload = struct.pack("<II", _CONTINUATION, 0x7FFFFFF8) + stream(arrow(10))[8:]
    return sealed(Form.ARROW_ZSTD, 10, payload)


@pytest.mark.parametrize("rows", [-1, 1 << 27, 1 << 40, (1 << 63) - 1])
def test_a_batch_may_claim_any_number_of_rows(rows: int) -> None:
    names = ["event_source", "event_row", "ingest_timestamp"]  # filled in, if they are not there
    payload = stream(arrow(_ROWS).drop_columns(names))
    claimed = payload.replace(struct.pack("<q", _ROWS), struct.pack("<q", rows))
    assert claimed != payload
    (found,) = taken_apart([sealed(Form.ARROW_ZSTD, _ROWS, claimed)])
    assert "packed: " in found["told"]
    assert found["mebibytes"] < MOST_MEBIBYTES


def test_a_body_may_claim_any_length() -> None:
    payload = stream(arrow(_ROWS))
    lengths = [len(raw) for kind, raw in messages(payload) if kind == "record batch"]
    at = payload.rindex(struct.pack("<II", _CONTINUATION, 0)) - lengths[0]
    metadata = struct.unpack_from("<I", payload, at + 4)[0]
    body = struct.pack("<q", lengths[0] - 8 - metadata)
    claims = [struct.pack("<q", size) for size in (-8, 1 << 40, (1 << 63) - 8)]
    records = [
        sealed(Form.ARROW_ZSTD, _ROWS, payload[:at] + payload[at:].replace(body, claim, 1))
        for claim in claims
    ]
    for found in taken_apart(records):
        assert "packed: " in found["told"]
        assert found["mebibytes"] < MOST_MEBIBYTES


# --- a schema whose fields are the same few bytes, again and again


def shared_fields(width: int, deep: int, name: int, padding: int) -> bytes:
    """The message of a schema of `width` structs of `deep` fields: one of each, referred to."""
    out = bytearray(4)

    def refer(at: int, target: int) -> None:
        struct.pack_into("<I", out, at, target - at)

    def table(*slots: int | None) -> dict[int, int]:
        """Write a table of numbers; return where each stands. Referred ones are set later."""
        present = [slot for slot, value in enumerate(slots) if value is not None]
        vtable = len(out)
        places = {slot: 4 + 4 * n for n, slot in enumerate(present)}
        out.extend(struct.pack("<HH", 4 + 2 * len(slots), 4 + 4 * len(present)))
        for slot in range(len(slots)):
            out.extend(struct.pack("<H", places.get(slot, 0)))
        out.extend(b"\0" * (-len(out) % 4))
        start = len(out)
        out.extend(struct.pack("<i", start - vtable))
        for slot in present:
            out.extend(struct.pack("<I", slots[slot]))
        return {slot: start + at for slot, at in places.items()} | {-1: start}

    def vector(length: int) -> int:
        at = len(out)
        out.extend(struct.pack("<I", length) + b"\0" * (4 * length))
        return at

    def field(kind: int, *, children: bool) -> dict[int, int]:
        return table(0, None, kind, 0, None, 0 if children else None)

    message = table(4, 1, 0)  # version 5, a schema
    refer(0, message[-1])
    schema = table(None, 0)
    refer(message[2], schema[-1])
    top = vector(width)
    refer(schema[1], top)
    struct_field, children = field(13, children=True), vector(deep)
    leaf = field(1, children=False)
    empty = table()
    text = len(out)
    out.extend(struct.pack("<I", name) + b"x" * name + b"\0" * (4 - name % 4))
    for n in range(width):
        refer(top + 4 + 4 * n, struct_field[-1])
    for n in range(deep):
        refer(children + 4 + 4 * n, leaf[-1])
    refer(struct_field[5], children)
    for one in (struct_field, leaf):
        refer(one[0], text)
        refer(one[3], empty[-1])
    out.extend(b"\0" * (padding + -(len(out) + padding) % 8))
    return struct.pack("<II", _CONTINUATION, len(out)) + bytes(out)


def with_schema(schema: bytes) -> bytes:
    rest = b"".join(raw for _, raw in list(messages(stream(arrow(10))))[1:])
    return sealed(Form.ARROW_ZSTD, 10, schema + rest + struct.pack("<II", _CONTINUATION, 0))


@case("packed: ")
def a_schema_of_twelve_thousand_fields_in_four_kilobytes() -> bytes:
    return with_schema(shared_fields(100, 120, name=2800, padding=0))


@case("packed: ")
def a_schema_of_three_million_fields() -> bytes:
    return with_schema(shared_fields(1400, 2000, name=8, padding=2_000_000))


# --- the test


def taken_apart(records: list[bytes]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(HERE / "peak_of_unpacking.py"), DOMAIN.value],
        input=b"\n".join(map(base64.b64encode, records)) + b"\n",
        check=True, capture_output=True,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


@cache
def all_taken_apart() -> dict[str, dict[str, Any]]:
    found = taken_apart([make() for _, make in _CASES.values()])
    return dict(zip(_CASES, found, strict=True))


@pytest.mark.parametrize("name", _CASES)
def test_no_record_takes_more_than_its_bound(name: str) -> None:
    found = all_taken_apart()[name]
    assert _CASES[name][0] in found["told"], found
    assert found["mebibytes"] < MOST_MEBIBYTES, found
