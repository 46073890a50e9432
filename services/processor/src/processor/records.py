"""One Kinesis record with its entries: usable events and poison, each with its index."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Final

import msgspec

from lake_core.arrow_packed import Unpacked, unpack_rows
from lake_core.errors import PoisonRecord
from lake_core.events import Event
from lake_core.layout import hour_of
from lake_core.names import Domain
from lake_core.packed import lines_of, unseal
from lake_core.parsing import parse_events
from lake_core.wire import MAGIC, Form, is_packed
from processor.event_columns import EventColumns, RowRun
from processor.kcl_protocol import UserRecord

_HOUR_MILLISECONDS: Final = 3_600_000
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
    number: int  # the same, for comparing
    arrival: int  # milliseconds since 1970 UTC
    received: float  # seconds on the caller's monotonic clock
    last_sub_sequence: int = 0
    payload_bytes: int = 0  # of the entries
    stream_bytes: int = 0  # of the record
    rows: Sequence[RowRun] = ()  # of the usable entries
    indexes: Sequence[int] = ()  # of the usable entries, rising
    poison: Sequence[Poison] = ()
    gap_possible: bool = False

    @property
    def hour_number(self) -> int:
        """Hours since 1970: equal for records that may share a range."""
        return self.arrival // _HOUR_MILLISECONDS

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


class RecordParser:
    """Parses what KCL delivers; the events of plain entries share columns, also over messages."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._columns = EventColumns(domain)

    def parse(self, user_records: Sequence[UserRecord], received: float) -> Iterator[StreamRecord]:
        """Yield the records, parsing no more at a time than what is asked for needs.

        The user records of one KPL aggregate share a sequence number and make one record.
        """
        for plain, users in _stretches(user_records):
            if plain:
                yield from self._plain_records(users, received)
            else:
                yield self._record(users, received)

    def _plain_records(
        self, users: Sequence[UserRecord], received: float
    ) -> Iterator[StreamRecord]:
        """Return the record of each user record, which is a JSON object."""
        events, refused = parse_events(self._domain, [user.data for user in users])
        columns, row = self._gather(events)
        for place, user in enumerate(users):
            size = len(user.data)
            sequence = user.sequenceNumber
            record = StreamRecord(
                sequence, int(sequence), user.approximateArrivalTimestamp, received,
                user.subSequenceNumber or 0, size, size,
            )  # fmt: skip
            if place in refused:
                record.poison = (Poison(0, refused[place], user.data, user.partitionKey),)
            else:
                record.rows = (RowRun(columns, row, 1),)
                record.indexes = _ONE
                row += 1
            yield record

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
        return StreamRecord(
            sequence=users[0].sequenceNumber,
            number=int(users[0].sequenceNumber),
            arrival=users[0].approximateArrivalTimestamp,
            received=received,
            last_sub_sequence=users[-1].subSequenceNumber or 0,
            payload_bytes=entries.payload_bytes,
            stream_bytes=sum(len(user.data) for user in users),
            rows=entries.rows,
            indexes=entries.indexes,
            poison=entries.poison,
        )

    def _add_packed(self, entries: _Entries, user: UserRecord) -> None:
        try:
            header, payload = unseal(user.data)
            if header.form is Form.ARROW_ZSTD:
                entries.add_rows(
                    self._domain, unpack_rows(self._domain, header, payload), user.partitionKey
                )
                entries.payload_bytes += len(payload)
                return
            lines = lines_of(header, payload)
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
            entries.rows.append(RowRun(columns, row, len(events)))
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


def _stretches(user_records: Sequence[UserRecord]) -> Iterator[tuple[bool, Sequence[UserRecord]]]:
    """Yield plain records, many at a time; and the user records of each other one."""
    if _all_plain(user_records):
        yield True, user_records
        return
    for _, group in groupby(user_records, key=attrgetter("sequenceNumber")):
        users = list(group)
        yield _all_plain(users), users


def _all_plain(users: Sequence[UserRecord]) -> bool:
    """Whether each is a Kinesis record by itself, and a JSON object if anything."""
    if len({user.sequenceNumber for user in users}) < len(users):
        return False
    return not any(user.data[:1] == MAGIC[:1] for user in users)


@dataclass(slots=True)
class _Entries:
    """The entries of a record, as they are found."""

    rows: list[RowRun] = field(default_factory=list)
    indexes: Sequence[int] = range(0)
    poison: list[Poison] = field(default_factory=list)
    payload_bytes: int = 0

    @property
    def count(self) -> int:
        return len(self.indexes) + len(self.poison)

    def add_rows(self, domain: Domain, unpacked: Unpacked, partition_key: str) -> None:
        """Add the entries of an `arrow-zstd` record."""
        before = self.count
        for refused in unpacked.refused:
            self.poison.append(
                Poison(before + refused.index, refused.reason, refused.raw, partition_key)
            )
        self.rows.append(RowRun(EventColumns.of(domain, unpacked.rows), 0, unpacked.rows.num_rows))
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
