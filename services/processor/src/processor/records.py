"""What KCL delivers becomes runs of records: decoded, unpacked, what is unusable set aside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Final

from lake_core.arrow_packed import Unpacked, unpack_rows
from lake_core.errors import PoisonRecord
from lake_core.events import Event
from lake_core.names import Domain
from lake_core.packed import lines_of, unseal
from lake_core.parsing import parse_events
from lake_core.wire import MAGIC, MAX_PAYLOAD_BYTES, Form, Header, is_packed
from processor.event_columns import EventColumns, table_of
from processor.kcl_protocol import UserRecord
from processor.record_run import Poison, RecordRun

_FIRST_BYTE: Final = itemgetter(slice(1))


class RecordParser:
    """Parses what KCL delivers; the events of plain entries share columns, also over messages."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._columns = EventColumns(domain)

    def parse(self, user_records: Sequence[UserRecord], received: float) -> Iterator[RecordRun]:
        """Yield the records, as many plain ones together as follow one another.

        Of packed records one at a time is unpacked. The user records of one KPL aggregate share a
        sequence number and make one record.
        """
        if not user_records:
            return
        if (runs := self._plain_runs(user_records, received)) is not None:
            yield from runs
            return
        for _, group in groupby(user_records, key=attrgetter("sequenceNumber")):
            users = list(group)
            yield from self._plain_runs(users, received) or [self._record(users, received)]

    def _plain_runs(
        self, users: Sequence[UserRecord], received: float
    ) -> Sequence[RecordRun] | None:
        """Return what records are that are one JSON object each; None if one is something else."""
        data = [user.data for user in users]
        sequences = [user.sequenceNumber for user in users]
        if (
            len(set(sequences)) < len(users)
            or MAGIC[:1] in map(_FIRST_BYTE, data)
            or any([user.subSequenceNumber for user in users])  # noqa: C419 - a list is quicker
        ):
            return None
        arrivals = [user.approximateArrivalTimestamp for user in users]
        sizes = list(map(len, data))
        events, refused = parse_events(self._domain, data)
        columns, row = self._gather(events)
        if not refused:
            return [RecordRun(sequences, arrivals, sizes, received, columns, row)]
        runs, start = [], 0
        for at, reason in [*refused.items(), (len(users), "")]:
            part = slice(start, at)
            if at > start:
                run = sequences[part], arrivals[part], sizes[part]
                runs.append(RecordRun(*run, received, columns, row))
                row += at - start
            if at < len(users):
                poison = Poison(0, reason, data[at], users[at].partitionKey)
                alone = [sequences[at]], [arrivals[at]], [sizes[at]]
                runs.append(RecordRun(*alone, received, indexes=(), poison=(poison,)))
            start = at + 1
        return runs

    def _record(self, users: Sequence[UserRecord], received: float) -> RecordRun:
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
        return RecordRun(
            sequences=[users[0].sequenceNumber],
            arrivals=[users[0].approximateArrivalTimestamp],
            sizes=[sum(len(user.data) for user in users)],
            received=received,
            columns=columns,
            row=row,
            indexes=entries.indexes,
            poison=entries.poison,
            unpacked_bytes=entries.payload_bytes,
            last_sub_sequence=users[-1].subSequenceNumber or 0,
        )

    def _add_packed(self, entries: _Entries, user: UserRecord) -> None:
        try:
            _refuse_bomb(user.data, entries.payload_bytes)
            header, payload = unseal(user.data)
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
            entries.runs.append(_Run(columns, row, len(events)))
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


def _refuse_bomb(record: bytes, before: int) -> None:
    """Refuse a packed record in an aggregate that has unfolded to what one record may already."""
    announced = before + Header.decode(record).payload_bytes
    if announced > MAX_PAYLOAD_BYTES:
        raise PoisonRecord(
            f"packed: {announced} bytes in one aggregate are more than {MAX_PAYLOAD_BYTES}"
        )


@dataclass(frozen=True, slots=True)
class _Run:
    """Usable entries, one below the other (`event_columns.Rows`)."""

    columns: EventColumns
    row: int
    usable: int


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
            self.runs.append(_Run(columns, 0, unpacked.rows.num_rows))
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
