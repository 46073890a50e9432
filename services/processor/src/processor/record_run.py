"""Neighbouring Kinesis records and their entries: usable events and poison, each with its place."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import msgspec

from lake_core.layout import hour_of
from processor.event_columns import EventColumns

_HOUR_MILLISECONDS: Final = 3_600_000


class Poison(msgspec.Struct, gc=False, frozen=True):
    """An entry that cannot be used: why, and its bytes as they arrived."""

    index: int
    reason: str
    raw: bytes
    partition_key: str


class RecordRun(msgspec.Struct, gc=False):
    """Neighbouring whole Kinesis records, received together: what ranges are made of (I1).

    Either plain records, all usable, one event each; or one record of any form.
    """

    sequences: Sequence[str]  # as received, rising
    arrivals: Sequence[int]  # milliseconds since 1970 UTC
    sizes: Sequence[int]  # bytes on the stream
    received: float  # seconds on the caller's monotonic clock
    columns: EventColumns | None = None  # that hold the usable entries, one below the other
    row: int = 0  # of the first of them
    indexes: Sequence[int] | None = None  # of one record's usable entries; None: plain records
    poison: Sequence[Poison] = ()  # of one record
    unpacked_bytes: int | None = None  # of one record's entries; None: as on the stream
    last_sub_sequence: int = 0  # of one record
    gap_possible: bool = False  # before the first

    def __len__(self) -> int:
        return len(self.sequences)

    @property
    def first_number(self) -> int:
        """The first sequence number, for comparing."""
        return int(self.sequences[0])

    @property
    def last_number(self) -> int:
        """The last sequence number, for comparing."""
        return int(self.sequences[-1])

    @property
    def hour(self) -> dt.datetime:
        """The UTC hour in which the first record arrived."""
        return hour_of(dt.datetime.fromtimestamp(self.arrivals[0] // 1000, dt.UTC))

    @property
    def payload_bytes(self) -> int:
        """Bytes of the entries."""
        return sum(self.sizes) if self.unpacked_bytes is None else self.unpacked_bytes

    @property
    def usable(self) -> int:
        """Usable entries."""
        return len(self) if self.indexes is None else len(self.indexes)

    @property
    def entries(self) -> int:
        """All entries, usable or not."""
        return self.usable + len(self.poison)

    def through(self, position: int) -> int:
        """Return how many records stand at a position or before it."""
        return bisect_right(self.sequences, position, key=int)

    def of_hour(self, hour: int) -> int:
        """Return how many records, from the first on, arrived in an hour (`hour_number`)."""
        if hour_number(min(self.arrivals)) == hour == hour_number(max(self.arrivals)):
            return len(self)
        return next(at for at, one in enumerate(self.arrivals) if hour_number(one) != hour)

    def filling(self, entries: int, size: int) -> int | None:
        """Return how many records make up so many entries or bytes; None if all are fewer."""
        if self.indexes is not None:
            return 1 if self.entries >= entries or self.payload_bytes >= size else None
        by_size = None
        if self.payload_bytes >= size:
            by_size = next(n for n, sum_ in enumerate(accumulate(self.sizes), 1) if sum_ >= size)
        by_entries = entries if entries <= len(self) else None
        return min((n for n in (by_size, by_entries) if n is not None), default=None)

    def cut(self, count: int) -> tuple[RecordRun, RecordRun | None]:
        """Return the first records and the others."""
        if count >= len(self):
            return self, None
        first, other = (
            msgspec.structs.replace(
                self,
                sequences=self.sequences[part],
                arrivals=self.arrivals[part],
                sizes=self.sizes[part],
            )
            for part in (slice(count), slice(count, None))
        )
        other.row += count
        other.gap_possible = False
        return first, other


def hour_number(arrival: int) -> int:
    """Return the whole hours since 1970 of an arrival in milliseconds."""
    return arrival // _HOUR_MILLISECONDS
