"""One Kinesis record with its entries: usable events and poison, each with its index."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from lake_core.errors import PoisonRecord
from lake_core.events import Event
from lake_core.layout import hour_of
from lake_core.names import Domain
from lake_core.packed import unpack
from lake_core.parsing import parse_event
from lake_core.wire import is_packed
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
    events: list[Event] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)  # of the events
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
    def entries(self) -> int:
        """All entries, usable or not."""
        return len(self.events) + len(self.poison)


def stream_records(
    domain: Domain, user_records: Iterable[UserRecord], received: float
) -> Iterator[StreamRecord]:
    """Parse what KCL delivers, one Kinesis record at a time and not before it is asked for.

    The user records of one KPL aggregate share a sequence number and make one record.
    """
    for sequence, group in groupby(user_records, key=lambda user: user.sequenceNumber):
        yield _stream_record(domain, sequence, list(group), received)


def _stream_record(
    domain: Domain, sequence: str, users: list[UserRecord], received: float
) -> StreamRecord:
    record = StreamRecord(
        sequence=sequence,
        number=int(sequence),
        arrival=users[0].approximateArrivalTimestamp,
        received=received,
        last_sub_sequence=users[-1].subSequenceNumber or 0,
    )
    for user in users:
        record.stream_bytes += len(user.data)
        _add_entries(domain, record, user)
    return record


def _add_entries(domain: Domain, record: StreamRecord, user: UserRecord) -> None:
    lines = [user.data]
    if is_packed(user.data):
        try:
            lines = unpack(user.data)
        except PoisonRecord as error:  # the record as a whole is one entry
            record.payload_bytes += len(user.data)
            _add_poison(record, user, user.data, error)
            return
    for line in lines:
        record.payload_bytes += len(line)
        try:
            event = parse_event(domain, line)
        except PoisonRecord as error:
            _add_poison(record, user, line, error)
        else:
            record.indexes.append(record.entries)
            record.events.append(event)


def _add_poison(record: StreamRecord, user: UserRecord, raw: bytes, error: PoisonRecord) -> None:
    record.poison.append(Poison(record.entries, error.reason, raw, user.partitionKey))
