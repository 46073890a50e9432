"""Reference writer and reader of the packed form `ndjson-zstd`, and what all packed forms share.

The header is in `wire.py`, the form `arrow-zstd` in `arrow_packed.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from zlib import crc32

import zstandard

from lake_core.errors import PoisonRecord
from lake_core.wire import (
    HEADER_BYTES,
    MAX_EVENTS,
    MAX_PAYLOAD_BYTES,
    MAX_RECORD_BYTES,
    Form,
    Header,
)

LEVEL: Final = 3  # packs this JSON about ten times; higher levels gain little for their time
# A frame may ask for a window this large and no larger: memory of the reader.
MAX_WINDOW_BYTES: Final = MAX_PAYLOAD_BYTES


def pack(events: Iterable[bytes]) -> bytes:
    """Return one packed record of JSON objects without line ends inside.

    Raises:
        ValueError: no events, too many, or they do not fit into a record; send fewer.
    """
    lines = list(events)
    payload = b"\n".join(lines) + b"\n"
    if lines and payload.count(b"\n") != len(lines):
        raise ValueError("an event holds a line end; write it as \\n inside a JSON string")
    return seal(Form.NDJSON_ZSTD, len(lines), payload)


def unpack(record: bytes | memoryview) -> list[bytes]:
    """Return the events of an `ndjson-zstd` record, in order.

    Decompresses at most what the header announces, which is at most 16 MiB.

    Raises:
        PoisonRecord: the record as a whole cannot be used; it counts as one entry.
    """
    header, payload = unseal(record)
    if header.form is not Form.NDJSON_ZSTD:
        raise PoisonRecord(f"packed: form {header.form} has no lines")
    return lines_of(header, bytes(payload))


def lines_of(header: Header, payload: bytes) -> list[bytes]:
    """Return the lines of the payload of an `ndjson-zstd` record.

    Raises:
        PoisonRecord: there are not as many as the header says, or the last is cut off.
    """
    if payload[-1] != ord("\n"):
        raise PoisonRecord("packed: the last event does not end with a line end")
    lines = payload[:-1].split(b"\n")
    if len(lines) != header.events:
        raise PoisonRecord(f"packed: {len(lines)} events where the header says {header.events}")
    return lines


def seal(form: Form, events: int, payload: bytes) -> bytes:
    """Return a packed record of a payload, compressed and with its header.

    Raises:
        ValueError: no events, too many, or they do not fit into a record; send fewer.
    """
    if not 1 <= events <= MAX_EVENTS or len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"{events} events of {len(payload)} bytes do not fit one record")
    header = Header(form, events, len(payload), crc32(payload))
    record = header.encode() + zstandard.ZstdCompressor(level=LEVEL).compress(payload)
    if len(record) > MAX_RECORD_BYTES:
        raise ValueError(f"{events} events make {len(record)} bytes, over {MAX_RECORD_BYTES}")
    return record


def unseal(record: bytes | memoryview) -> tuple[Header, bytearray]:
    """Return header and payload of a packed record of any form.

    Raises:
        PoisonRecord: header, frame, size or CRC is wrong; see `unpack`.
    """
    header = Header.decode(record)
    payload = bytearray(header.payload_bytes)
    _decompress(memoryview(record)[HEADER_BYTES:], memoryview(payload))
    if crc32(payload) != header.crc32:
        raise PoisonRecord("packed: the payload does not match its CRC-32")
    return header, payload


def _decompress(frame: memoryview, payload: memoryview) -> None:
    """Fill the payload; never makes more than a byte beyond it, whatever the frame claims."""
    try:
        window = zstandard.get_frame_parameters(frame).window_size
        if window > MAX_WINDOW_BYTES:
            raise PoisonRecord(f"packed: a window of {window} bytes is refused")
        # Not decompress(max_output_size=…): that believes a content size written in the frame.
        reader = zstandard.ZstdDecompressor().stream_reader(frame)
        fits = reader.readinto(payload) == len(payload) and not reader.read(1)
    except zstandard.ZstdError as error:
        raise PoisonRecord(f"packed: not a zstd frame: {error}") from error
    if not fits:
        raise PoisonRecord(
            f"packed: the payload is not of the {len(payload)} bytes its header says"
        )
