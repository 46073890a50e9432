"""The forms a Kinesis record may have, and the header of the packed ones (docs/wire.md).

A packed record carries many events, all for one shard. It starts with 18 bytes, big-endian:

    offset  size  field
    0       4     magic F5 4C 4B 50 (F5 never occurs in UTF-8, so no JSON begins like this)
    4       1     form: 1 = ndjson-zstd, 2 = arrow-zstd
    5       1     flags: 0; a reader refuses others
    6       4     number of events, 1..65,536
    10      4     size of the payload before compression in bytes, 1..16 MiB
    14      4     CRC-32 (zlib's) of the payload before compression
    18            the payload, as the form says

Form 1, `ndjson-zstd`: one zstd frame of JSON objects, each ended by one LF (0A).
Form 2, `arrow-zstd`: one zstd frame of an Arrow IPC stream with one record batch.
The whole record, header included, is at most 1 MiB.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final, Self

from lake_core.errors import PoisonRecord

MAGIC: Final = b"\xf5LKP"
_HEADER: Final = struct.Struct(">4sBBIII")
HEADER_BYTES: Final = _HEADER.size
MAX_RECORD_BYTES: Final = 1024 * 1024  # Kinesis' limit for data and partition key together
MAX_PAYLOAD_BYTES: Final = 16 * 1024 * 1024  # bounds what one record may cost the reader
MAX_EVENTS: Final = 65_536


class Packing(StrEnum):
    """What the ingestor's `--packing` offers."""

    NONE = "none"
    KPL = "kpl"
    NDJSON_ZSTD = "ndjson-zstd"
    ARROW_ZSTD = "arrow-zstd"


class Form(IntEnum):
    """The packed forms, as the header names them. New ones get new numbers."""

    NDJSON_ZSTD = 1
    ARROW_ZSTD = 2


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a packed record."""

    form: Form
    events: int
    payload_bytes: int  # before compression
    crc32: int  # of the payload before compression

    def encode(self) -> bytes:
        """Return the 18 bytes."""
        return _HEADER.pack(MAGIC, self.form, 0, self.events, self.payload_bytes, self.crc32)

    @classmethod
    def decode(cls, record: bytes | memoryview) -> Self:
        """Read and check the header of a packed record.

        Raises:
            PoisonRecord: too short, an unknown form or flag, or a count out of its limits.
        """
        if len(record) < HEADER_BYTES:
            raise PoisonRecord(f"packed: {len(record)} bytes are shorter than the header")
        if len(record) > MAX_RECORD_BYTES:
            raise PoisonRecord(f"packed: {len(record)} bytes are more than {MAX_RECORD_BYTES}")
        _, form, flags, events, payload_bytes, crc32 = _HEADER.unpack_from(record)
        if form not in set(Form):
            raise PoisonRecord(f"packed: unknown form {form}")
        if flags:
            raise PoisonRecord(f"packed: unknown flags {flags:#04x}")
        if not 1 <= events <= MAX_EVENTS:
            raise PoisonRecord(f"packed: {events} events are outside 1..{MAX_EVENTS}")
        if not 1 <= payload_bytes <= MAX_PAYLOAD_BYTES:
            raise PoisonRecord(f"packed: {payload_bytes} bytes are outside 1..{MAX_PAYLOAD_BYTES}")
        return cls(Form(form), events, payload_bytes, crc32)


def is_packed(record: bytes | memoryview) -> bool:
    """Whether a Kinesis record is of a packed form, by its first bytes."""
    return record[: len(MAGIC)] == MAGIC
