"""One Kinesis record with its entries: usable events and poison, each with its index."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from lake_core.arrow_packed import Unpacked, unpack_rows
from lake_core.errors import PoisonRecord
from lake_core.layout import hour_of
from lake_core.names import Domain
from lake_core.packed import lines_of, unseal
from lake_core.parsing import parse_event
from lake_core.wire import Form, is_packed
from processor.event_columns import EventColumns, RowRun
from processor.kcl_protocol import UserRecord

_HOUR_MILLISECONDS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Poison:
    """An entry that cannot be used: why, and its bytes as they arrived."""

    index: int
    reason: str
    raw: bytes
    partition_key: str


@dataclass(slots=True)
class StreamRecord:
    """A whole Kinesis record, the smallest thing a range is made of (I1)."""

    sequence: str  # as received
    number: int  # the same, for comparing
    arrival: int  # milliseconds since 1970 UTC
    received: float  # seconds on the caller's monotonic clock
    last_sub_sequence: int = 0
    gap_possible: bool = False
    payload_bytes: int = 0  # of the entries
    stream_bytes: int = 0  # of the record
    rows: list[RowRun] = field(default_factory=list)  # of the usable entries
    indexes: range | list[int] = range(0)  # of the usable entries
    poison: list[Poison] = field(default_factory=list)

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
        return self.usable + len(self.poison)

    def add_row(self, columns: EventColumns, row: int, index: int) -> None:
        """Add a usable entry: where its row is, and its index."""
        last = self.rows[-1] if self.rows else None
        if last and last.columns is columns:
            last.count += 1
        else:
            self.rows.append(RowRun(columns, row, 1))
        self.add_indexes(index, range(1))

    def add_indexes(self, base: int, indexes: Sequence[int]) -> None:
        """Note the indexes of usable entries, counted from `base`."""
        if isinstance(self.indexes, range):
            if base == len(self.indexes) and isinstance(indexes, range):
                self.indexes = range(base + len(indexes))
                return
            self.indexes = list(self.indexes)
        self.indexes += [base + index for index in indexes]

    def add_poison(self, index: int, reason: str, raw: bytes, partition_key: str) -> None:
        """Add an entry that cannot be used."""
        self.poison.append(Poison(index, reason, raw, partition_key))


def stream_records(
    domain: Domain, user_records: Iterable[UserRecord], received: float
) -> Iterator[StreamRecord]:
    """Parse what KCL delivers, one Kinesis record at a time and not before it is asked for.

    The user records of one KPL aggregate share a sequence number and make one record.
    """
    parser = _Parser(domain)
    for sequence, group in groupby(user_records, key=lambda user: user.sequenceNumber):
        users = list(group)
        record = StreamRecord(
            sequence=sequence,
            number=int(sequence),
            arrival=users[0].approximateArrivalTimestamp,
            received=received,
            last_sub_sequence=users[-1].subSequenceNumber or 0,
        )
        for user in users:
            parser.add(record, user)
        yield record
    parser.columns.close()


class _Parser:
    """Adds user records to stream records, the events of plain ones to columns they share."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self.columns = EventColumns(domain)

    def add(self, record: StreamRecord, user: UserRecord) -> None:
        record.stream_bytes += len(user.data)
        if not is_packed(user.data):
            self._add_line(record, user, user.data)
            return
        try:
            self._add_packed(record, user)
        except PoisonRecord as error:  # the record as a whole is one entry
            record.payload_bytes += len(user.data)
            record.add_poison(record.entries, error.reason, user.data, user.partitionKey)

    def _add_packed(self, record: StreamRecord, user: UserRecord) -> None:
        header, payload = unseal(user.data)
        if header.form is Form.ARROW_ZSTD:
            self._add_rows(record, user, unpack_rows(self._domain, header, payload))
            record.payload_bytes += len(payload)
            return
        for line in lines_of(header, payload):
            self._add_line(record, user, line)

    def _add_rows(self, record: StreamRecord, user: UserRecord, unpacked: Unpacked) -> None:
        before = record.entries
        for refused in unpacked.refused:
            record.add_poison(
                before + refused.index, refused.reason, refused.raw, user.partitionKey
            )
        columns = EventColumns.of(self._domain, unpacked.rows)
        record.rows.append(RowRun(columns, 0, unpacked.rows.num_rows))
        record.add_indexes(before, unpacked.indexes)

    def _add_line(self, record: StreamRecord, user: UserRecord, line: bytes) -> None:
        record.payload_bytes += len(line)
        index = record.entries
        try:
            event = parse_event(self._domain, line)
        except PoisonRecord as error:
            record.add_poison(index, error.reason, line, user.partitionKey)
            return
        if not self.columns.takes_more:
            self.columns.close()
            self.columns = EventColumns(self._domain)
        record.add_row(self.columns, self.columns.add(event), index)
