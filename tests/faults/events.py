"""What is sent: readings whose every cell is known beforehand, and entries nobody can use."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import Any, Final

from lake_core.arrow import event_batch
from lake_core.arrow_packed import pack_rows
from lake_core.kpl import aggregate
from lake_core.names import Domain
from lake_core.packed import pack
from lake_core.parsing import encode_event, event_from_cells, parse_event
from lake_core.schema import csv_header
from lake_core.wire import Packing

DOMAIN: Final = Domain.MANUFACTURING
MACHINES: Final = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing sent: its bytes, and the cells the lake must hold; None where it is poison."""

    data: bytes
    identity: tuple[str, int] | None = None
    cells: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A Kinesis record to put, with the entries it carries in order."""

    key: str
    data: bytes
    entries: tuple[Entry, ...]

    @property
    def request(self) -> dict[str, Any]:
        """The record as PutRecords takes it."""
        return {"Data": self.data, "PartitionKey": self.key}


def cells_of(number: int) -> dict[str, str]:
    """Return a CSV row made of its number alone."""
    n = number * 7919
    values = (
        f"2025-01-{1 + n % 28:02d} {n % 24:02d}:{n % 60:02d}:00", str(1 + n % MACHINES),
        f"{5000 + n % 5000}e-2", f"{n % 9000 - 100}e-2", f"{3000 + n % 5000}e-2",
        f"{100 + n % 400}e-2", f"{50 + n % 450}e-2", str(n % 3), str(n % 2), str(n % 500),
        ("Normal", "Overheating", "Pressure Drop")[n % 3], str(float(n % 2)), str(n % 2),
    )  # fmt: skip
    return dict(zip(csv_header(DOMAIN), values, strict=True))


def reading(source: str, row: int) -> Entry:
    """Return a usable entry."""
    cells = cells_of(row)
    event = event_from_cells(DOMAIN, cells)
    event.event_source, event.event_row = source, row
    return Entry(encode_event(event), (source, row), cells)


def poison(rng: random.Random) -> Entry:
    """Return an entry that is none, without a line end, so that it fits a packed record too."""
    good = reading("poison", rng.randrange(1000)).data
    return Entry(
        rng.choice(
            (
                good[: rng.randrange(1, len(good) - 1)],  # truncated
                good.replace(b'"machine_id":', b'"machine_id":"x",'),  # broken
                good.replace(b'"machine_id":', b'"machine":'),  # a key missing
                b'{"machine_id": true, "temperature": []}',  # wrong types
                b'{"temperature": NaN}',
                b"\xff\xfe\x00",  # not UTF-8
                b"[" * rng.randrange(100, 60_000),  # nests too deeply
                b"{}",
                b" ",
            )
        )
    )


def heavy_poison(rng: random.Random) -> Outgoing:
    """Return a whole record that is poison: large, empty, or a packed record that is corrupt."""
    packed = bytearray(pack([reading("poison", row).data for row in range(50)]))
    packed[rng.randrange(4, len(packed))] ^= 0xFF
    data = rng.choice(
        (b'{"failure_type": "' + b"x" * 1_000_000 + b'"}', bytes(packed), bytes(packed[:100]), b"")
    )
    return plain(Entry(data), str(rng.randrange(MACHINES)))


def plain(entry: Entry, key: str | None = None) -> Outgoing:
    """Return a record of one entry."""
    if key is None:
        key = entry.cells["machine_id"] if entry.cells else str(len(entry.data) % MACHINES)
    return Outgoing(key, entry.data, (entry,))


def packed(entries: list[Entry], key: str, packing: Packing) -> Outgoing:
    """Return a packed record of many entries; columns hold no poison, so none is among them."""
    data = [entry.data for entry in entries]
    match packing:
        case Packing.ARROW_ZSTD:
            events = [parse_event(DOMAIN, one) for one in data]
            return Outgoing(key, pack_rows(event_batch(DOMAIN, events)), tuple(entries))
        case Packing.KPL:
            # What Kinesis makes of the key: the aggregate stays on the shard it is put on.
            hash_key = int.from_bytes(hashlib.md5(key.encode(), usedforsecurity=False).digest())
            made = aggregate([(key, one) for one in data], str(hash_key))
            return Outgoing(key, made, tuple(entries))
        case _:
            return Outgoing(key, pack(data), tuple(entries))
