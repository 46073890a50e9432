"""One Kinesis record with its entries: usable events and poison, each with its index."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, count, groupby, repeat
from operator import attrgetter, itemgetter
from typing import Final

import msgspec
import pyarrow as pa

from lake_core.arrow_packed import Unpacked, unpack_rows
from lake_core.errors import PoisonRecord
from lake_core.events import Event
from lake_core.layout import hour_of
from lake_core.names import Domain
from lake_core.packed import lines_of, unseal
from lake_core.parsing import parse_events
from lake_core.wire import MAGIC, Form, is_packed
from processor.event_columns import EventColumns, table_of
from processor.kcl_protocol import UserRecord

_HOUR_MILLISECONDS: Final = 3_600_000
_FIRST_BYTE: Final = itemgetter(slice(1))
_INDEXES: Final = attrgetter("indexes")
_POISON: Final = attrgetter("poison")
_ONE: Final = range(1)  # the indexes of a record of one event


class Poison(msgspec.Struct, gc=False, frozen=True):
    """An entry that cannot be used: why, and its bytes as they arrived."""

    index: int
    reason: str
    raw: bytes
    partition_key: str


class StreamRecord(msgspec.Struct, gc=False):
    """A whole Kinesis record, the smallest thing a range is made of (I1).

    Of these a child holds as many as events of the plain form: none is the garbage collector's.
    """

    sequence: str  # as received
    arrival: int  # milliseconds since 1970 UTC
    received: float  # seconds on the caller's monotonic clock
    last_sub_sequence: int = 0
    payload_bytes: int = 0  # of the entries
    stream_bytes: int = 0  # of the record
    columns: EventColumns | None = None  # that hold the usable entries, one below the other
    row: int = 0  # of the first of them
    indexes: Sequence[int] = ()  # of the usable entries, rising
    poison: Sequence[Poison] = ()
    gap_possible: bool = False

    @property
    def number(self) -> int:
        """The sequence number, for comparing."""
        return int(self.sequence)

    @property
    def hour_number(self) -> int:
        """Hours since 1970: equal for records that may share a range."""
        return hour_number(self.arrival)

    @property
    def hour(self) -> dt.datetime:
        """The UTC hour of arrival."""
        return hour_of(dt.datetime.fromtimestamp(self.hour_number * 3600, dt.UTC))

    @property
    def usable(self) -> int:
        """Usable entries."""
        return len(self.indexes)

    @property
    def entries(self) -> int:
        """All entries, usable or not."""
        return len(self.indexes) + len(self.poison)


def hour_number(arrival: int) -> int:
    """Return the whole hours since 1970 of an arrival in milliseconds."""
    return arrival // _HOUR_MILLISECONDS


def entries_of(records: Sequence[StreamRecord]) -> int:
    """Return how many entries the records have, usable or not."""
    indexes, poison = map(_INDEXES, records), map(_POISON, records)
    return sum(map(len, indexes)) + sum(map(len, poison))


class RecordParser:
    """Parses what KCL delivers; the events of plain entries share columns, also over messages."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._columns = EventColumns(domain)

    def parse(
        self, user_records: Sequence[UserRecord], received: float
    ) -> Iterator[Sequence[StreamRecord]]:
        """Yield the records, neighbours together: plain ones, or a packed one alone.

        Of packed records one at a time is unpacked. The user records of one KPL aggregate share a
        sequence number and make one record.
        """
        if not user_records:
            return
        if (records := self._plain_records(user_records, received)) is not None:
            yield records
            return
        for _, group in groupby(user_records, key=attrgetter("sequenceNumber")):
            users = list(group)
            yield self._plain_records(users, received) or [self._record(users, received)]

    def _plain_records(
        self, users: Sequence[UserRecord], received: float
    ) -> Sequence[StreamRecord] | None:
        """Return the record of each user record; None if they are not one JSON object each."""
        data = [user.data for user in users]
        sequences = [user.sequenceNumber for user in users]
        if len(set(sequences)) < len(users) or MAGIC[:1] in map(_FIRST_BYTE, data):
            return None
        events, refused = parse_events(self._domain, data)
        columns, row = self._gather(events)
        rows: Iterable[int] = count(row)
        if refused:  # the row of each is behind the usable ones before it
            rows = accumulate((at not in refused for at in range(len(users))), initial=row)
        sizes = list(map(len, data))
        # Made by one call a column of arguments: a loop of our own takes three times as long.
        records = list(
            map(
                StreamRecord,
                sequences,
                [user.approximateArrivalTimestamp for user in users],
                repeat(received),
                [user.subSequenceNumber or 0 for user in users],
                sizes,
                sizes,
                repeat(columns),
                rows,
                repeat(_ONE),
            )
        )
        for at, reason in refused.items():
            records[at].indexes = ()
            records[at].poison = (Poison(0, reason, data[at], users[at].partitionKey),)
        return records

    def _record(self, users: Sequence[UserRecord], received: float) -> StreamRecord:
        """Return the one record that the user records make up."""
        entries = _Entries()
        for packed, run in groupby(users, key=lambda user: is_packed(user.data)):
            if packed:
                for user in run:
                    self._add_packed(entries, user)
            else:
                plain = list(run)
                lines = [user.data for user in plain]
                self._add_lines(entries, lines, [user.partitionKey for user in plain])
        columns, row = entries.place(self._domain)
        return StreamRecord(
            sequence=users[0].sequenceNumber,
            arrival=users[0].approximateArrivalTimestamp,
            received=received,
            last_sub_sequence=users[-1].subSequenceNumber or 0,
            payload_bytes=entries.payload_bytes,
            stream_bytes=sum(len(user.data) for user in users),
            columns=columns,
            row=row,
            indexes=entries.indexes,
            poison=entries.poison,
        )

    def _add_packed(self, entries: _Entries, user: UserRecord) -> None:
        try:
            # Arrow's pool keeps its memory, and rows refer to it.
            header, payload = unseal(user.data, pa.allocate_buffer)
            if header.form is Form.ARROW_ZSTD:
                entries.add_rows(
                    self._domain, unpack_rows(self._domain, header, payload), user.partitionKey
                )
                entries.payload_bytes += len(payload)
                return
            lines = lines_of(header, bytes(payload))
        except PoisonRecord as error:  # the record as a whole is one entry
            entries.add_poison(0, error.reason, user.data, user.partitionKey)
            entries.payload_bytes += len(user.data)
            return
        self._add_lines(entries, lines, [user.partitionKey] * len(lines))

    def _add_lines(
        self, entries: _Entries, lines: Sequence[bytes], partition_keys: Sequence[str]
    ) -> None:
        events, refused = parse_events(self._domain, lines)
        before = entries.count
        for place, reason in refused.items():
            entries.poison.append(
                Poison(before + place, reason, lines[place], partition_keys[place])
            )
        if events:
            columns, row = self._gather(events)
            entries.runs.append(_Run(columns, row, range(len(events))))
            places: Sequence[int] = range(len(lines))
            if refused:
                places = [place for place in places if place not in refused]
            entries.add_indexes(before, places)
        entries.payload_bytes += sum(map(len, lines))

    def _gather(self, events: Sequence[Event]) -> tuple[EventColumns, int]:
        """Return the columns that hold the events from now on, and the row of the first."""
        if not self._columns.takes_more:
            self._columns.close()
            self._columns = EventColumns(self._domain)
        return self._columns, self._columns.add(events)


@dataclass(frozen=True, slots=True)
class _Run:
    """Usable entries, one below the other (`event_columns.Rows`)."""

    columns: EventColumns
    row: int
    indexes: range


@dataclass(slots=True)
class _Entries:
    """The entries of a record, as they are found."""

    runs: list[_Run] = field(default_factory=list)
    indexes: Sequence[int] = range(0)
    poison: list[Poison] = field(default_factory=list)
    payload_bytes: int = 0

    @property
    def count(self) -> int:
        return len(self.indexes) + len(self.poison)

    def place(self, domain: Domain) -> tuple[EventColumns | None, int]:
        """Return the columns that hold the usable entries, and the row of the first."""
        if len(self.runs) > 1:  # packed records inside an aggregate: nobody makes them
            (batch,) = table_of(domain, self.runs).combine_chunks().to_batches()
            return EventColumns.of(domain, batch), 0
        return (self.runs[0].columns, self.runs[0].row) if self.runs else (None, 0)

    def add_rows(self, domain: Domain, unpacked: Unpacked, partition_key: str) -> None:
        """Add the entries of an `arrow-zstd` record."""
        before = self.count
        for refused in unpacked.refused:
            self.poison.append(
                Poison(before + refused.index, refused.reason, refused.raw, partition_key)
            )
        if unpacked.rows.num_rows:
            columns = EventColumns.of(domain, unpacked.rows)
            self.runs.append(_Run(columns, 0, range(unpacked.rows.num_rows)))
        self.add_indexes(before, unpacked.indexes)

    def add_indexes(self, base: int, indexes: Sequence[int]) -> None:
        """Note the indexes of usable entries, counted from `base`."""
        gapless = isinstance(indexes, range) and isinstance(self.indexes, range)
        if gapless and base == len(self.indexes):
            self.indexes = range(base + len(indexes))
        else:
            self.indexes = [*self.indexes, *(base + index for index in indexes)]

    def add_poison(self, index: int, reason: str, raw: bytes, partition_key: str) -> None:
        """Add an entry that cannot be used, `index` after those before."""
        self.poison.append(Poison(self.count + index, reason, raw, partition_key))
