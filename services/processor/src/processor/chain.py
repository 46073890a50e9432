"""The write path as a pure state machine: how one shard's records become ranges (I1–I8).

`ChainWriter` does no I/O. Its methods are generators: each yields one effect at a time and is sent
that effect's result. Production (`child.py`) performs them on S3; the model test performs them on
a simulated lake and stops between any two. See docs/invariants.md.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from operator import attrgetter
from typing import Any, Final

from lake_core.chain import number
from lake_core.errors import LakeError
from lake_core.footer import Footer
from lake_core.layout import Chain, RangeName
from processor.records import StreamRecord, entries_of, hour_number

# I8: a range may be written for so long after its first record came; then somebody else may own
# the shard and the stream may have forgotten what a reader would need to tell.
MAX_HOLD_SECONDS: Final = 15 * 60
_NUMBER: Final = attrgetter("number")
_PAYLOAD_BYTES: Final = attrgetter("payload_bytes")


class HeldTooLong(LakeError):  # noqa: N818 - says what happened
    """Records were held past MAX_HOLD_SECONDS: exit and start again through I5."""


@dataclass(frozen=True, slots=True)
class FlushPolicy:
    """When a range is written. Larger: fewer, denser objects. Smaller: a younger lake."""

    max_rows: int  # entries; more cost memory, fewer cost objects and bytes a row
    max_bytes: int  # of entries as they arrived: bounds the memory of a child
    max_age_seconds: float  # freshness of the lake against the number of small objects


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What has to be known of the stream to tell whether records may have expired unseen (I7)."""

    created: int  # milliseconds since 1970 UTC
    retention_milliseconds: int


@dataclass(frozen=True, slots=True)
class Range:
    """A run of whole records of one arrival hour, ready to be written."""

    name: RangeName
    records: tuple[StreamRecord, ...]
    after: str | None

    @property
    def deadline(self) -> float:
        """No put of this range may start later (I8)."""
        return self.records[0].received + MAX_HOLD_SECONDS

    @property
    def has_poison(self) -> bool:
        """Whether a quarantine object has to be written first (I3)."""
        return any(record.poison for record in self.records)


class Outcome(Enum):
    """What is known after a put with `If-None-Match: *`."""

    COMMITTED = "committed"
    REFUSED = "refused"  # an object was there: maybe our own, after a retry inside the SDK
    UNKNOWN = "unknown"  # time-out, 409, 5xx


@dataclass(frozen=True, slots=True)
class ListRanges:
    """List this shard's ranges of one hour → `list[RangeName]`."""

    hour: dt.datetime


@dataclass(frozen=True, slots=True)
class ReadFooter:
    """Read a range's footer → `Footer`, or None where there is no object."""

    name: RangeName


@dataclass(frozen=True, slots=True)
class FindArrival:
    """Find the arrival of the record at a position, from the range that ends there → ms or None."""

    position: str
    before: dt.datetime  # the hour from which to look back


@dataclass(frozen=True, slots=True)
class LakeHoldsIncarnation:
    """Ask whether the lake holds any range of this incarnation → bool."""


@dataclass(frozen=True, slots=True)
class PutQuarantine:
    """Write the quarantine object of a range; it exists when this returns → None."""

    range: Range


@dataclass(frozen=True, slots=True)
class PutRange:
    """Write the lake object of a range, if none is there, before its deadline → `Outcome`."""

    range: Range


Effect = ListRanges | ReadFooter | FindArrival | LakeHoldsIncarnation | PutQuarantine | PutRange
Steps = Generator[Effect, Any, None]


@dataclass(slots=True)
class ChainWriter:
    """The end of one shard's chain in the lake, and the records received beyond it."""

    chain: Chain
    stream: StreamFacts
    policy: FlushPolicy
    end: str | None  # the checkpoint read from, then the end of what the lake holds
    delivered: int = -1  # greatest sequence number KCL has delivered
    checkpointed: str | None = None
    pending: deque[StreamRecord] = field(default_factory=deque)
    _end_arrival: int | None = None  # arrival of the record at `end`; None: not known
    _located: bool = False
    _entries: int = 0  # of `pending`
    _bytes: int = 0  # of `pending`
    _maybe_closed: bool = False  # an hour or a possible hole may end the first range of `pending`

    def receive(self, records: Sequence[StreamRecord], now: int) -> Steps:
        """Take records that follow one another in the shard; write ranges that are full.

        `now` is in milliseconds since 1970 UTC.

        Raises:
            LakeError: a record is delivered in two parts, which would tear a range (I1).
        """
        if self._simply_follow(records, now):
            self.delivered = records[-1].number
            self._append(records)
        else:
            for record in records:
                yield from self._receive(record, now)
        if self._is_full:
            yield from self.flush(records[-1].received)

    def _simply_follow(self, records: Sequence[StreamRecord], now: int) -> bool:
        """Whether the lake need not be asked about any of them: new, in order, none expired."""
        if not self._located or records[0].number <= max(self._last_number(), self.delivered):
            return False
        sequences = [record.sequence for record in records]
        # Texts of one length are in the order of their numbers, and comparing them is cheaper.
        if len(set(map(len, sequences))) > 1 or len(set(sequences)) < len(sequences):
            return False
        arrivals = [record.arrival for record in records]
        last = self._last_arrival()
        oldest = min(arrivals) if last is None else min(last, *arrivals)
        latest = max(now, *arrivals)
        return (
            latest - oldest <= self.stream.retention_milliseconds and sorted(sequences) == sequences
        )

    def _receive(self, record: StreamRecord, now: int) -> Steps:
        self.delivered = max(self.delivered, record.number)
        if record.number <= self._last_number():
            self._refuse_second_part(record)
            return
        if not self._located:
            yield from self._take_over(record, now)
        elif self._expired_before(record, now):
            yield from self.flush(record.received, force=True)
            yield from self._take_over(record, now)
        if record.number > number(self.end):
            self._append([record])

    def flush(self, clock: float, *, force: bool = False) -> Steps:
        """Write every range that is due; with `force`, all that is held."""
        while (due := self._cut(clock, force=force)) is not None:
            yield from self._commit(due)

    @property
    def _is_full(self) -> bool:
        """Whether a range is due by size."""
        return self._entries >= self.policy.max_rows or self._bytes >= self.policy.max_bytes

    @property
    def held(self) -> int:
        """Entries that wait to be written."""
        return self._entries

    def refuse_if_held_too_long(self, clock: float) -> None:
        """Stop a child that was paused before it does anything else (I8).

        Raises:
            HeldTooLong: its first record came more than MAX_HOLD_SECONDS ago.
        """
        if self.pending and clock - self.pending[0].received > MAX_HOLD_SECONDS:
            raise HeldTooLong(
                f"held records of {self.chain.shard} from {self.pending[0].sequence} on for more "
                f"than {MAX_HOLD_SECONDS} s; starting again"
            )

    @property
    def checkpoint_due(self) -> str | None:
        """The position to checkpoint: held by the lake and delivered by KCL, and new (I6)."""
        if self.end == self.checkpointed or not -1 < number(self.end) <= self.delivered:
            return None
        return self.end

    # --- taking over: I5, and expiry: I7

    def _take_over(self, record: StreamRecord, now: int) -> Steps:
        """Find out where the lake stands before anything is made of this record."""
        names: list[RangeName] = yield ListRanges(record.hour)
        before = [name for name in names if name.first <= record.number]
        if before:
            name = max(before, key=lambda name: name.first)
            footer: Footer | None = yield ReadFooter(name)
            if footer is not None and number(footer.last) >= record.number:
                yield from self._adopt(name, footer)
            elif footer is not None and number(footer.last) == number(self.end):
                self._end_arrival = footer.last_arrival
        self._located = True
        if record.number > number(self.end):
            record.gap_possible = yield from self._gap_before(record, now)

    def _gap_before(self, record: StreamRecord, now: int) -> Generator[Effect, Any, bool]:
        """Whether records between the last one and this one may have expired unseen."""
        age = max(now, record.arrival) - self.stream.created
        if age <= self.stream.retention_milliseconds:
            return False
        if self._end_arrival is None and self.end is not None:
            self._end_arrival = yield FindArrival(self.end, record.hour)
        if self._end_arrival is None:
            holds: bool = yield LakeHoldsIncarnation()
            return holds or self.end is not None
        return self._expired_before(record, now)

    def _expired_before(self, record: StreamRecord, now: int) -> bool:
        arrival = self._last_arrival()
        if arrival is None:
            return False
        latest = max(now, record.arrival)  # a clock set back must not hide an expiry
        return latest - arrival > self.stream.retention_milliseconds

    # --- committing: I3, and adopting: I4

    def _commit(self, due: Range) -> Steps:
        while True:
            if due.has_poison:
                yield PutQuarantine(due)
            outcome: Outcome = yield PutRange(due)
            if outcome is Outcome.COMMITTED:
                last = due.records[-1]
                self._drop(len(due.records))
                self.end, self._end_arrival = last.sequence, last.arrival
                return
            footer: Footer | None = yield ReadFooter(due.name)
            if footer is not None:
                yield from self._adopt(due.name, footer)
                return

    def _adopt(self, name: RangeName, footer: Footer) -> Steps:
        """Let a range stand as it is written, then walk along those that follow in its hour."""
        self._move_end(footer.last, footer.last_arrival)
        names: list[RangeName] = yield ListRanges(name.hour)
        for following in sorted(names, key=lambda name: name.first):
            if following.first <= number(self.end):
                continue
            next_footer: Footer | None = yield ReadFooter(following)
            if next_footer is None or number(next_footer.after) != number(self.end):
                return
            self._move_end(next_footer.last, next_footer.last_arrival)

    def _move_end(self, sequence: str, arrival: int) -> None:
        if number(sequence) <= number(self.end):
            return
        self.end, self._end_arrival = sequence, arrival
        self._drop(bisect_right(self.pending, number(sequence), key=_NUMBER))

    def _drop(self, count: int) -> None:
        """Forget the first records: the lake holds them."""
        dropped = [self.pending.popleft() for _ in range(count)]
        self._entries -= entries_of(dropped)
        self._bytes -= sum(map(_PAYLOAD_BYTES, dropped))
        self._maybe_closed = True

    # --- cutting: I1

    def _cut(self, clock: float, *, force: bool) -> Range | None:
        """Return the first range of what is held if it is due: closed by what follows, or old."""
        if not self.pending:
            return None
        first = self.pending[0]
        old = clock - first.received >= self.policy.max_age_seconds
        if not (force or old or self._is_full or self._maybe_closed):
            return None
        count, closed = self._longest_run()
        self._maybe_closed = closed
        if not (force or old or closed):
            return None
        name = RangeName(self.chain, first.hour, first.number)
        return Range(name, tuple(islice(self.pending, count)), self.end)

    def _longest_run(self) -> tuple[int, bool]:
        """Return how many records the first range may take, and whether it may grow no more."""
        first, entries, size = self.pending[0], 0, 0
        for count, record in enumerate(self.pending):
            breaks = record.hour_number != first.hour_number or record.gap_possible
            if count and breaks:
                return count, True
            entries += record.entries
            size += record.payload_bytes
            if entries >= self.policy.max_rows or size >= self.policy.max_bytes:
                return count + 1, True
        return len(self.pending), False

    def _append(self, records: Sequence[StreamRecord]) -> None:
        arrivals = [record.arrival for record in records]
        hours = {hour_number(min(arrivals)), hour_number(max(arrivals))}
        if self.pending:
            hours.add(self.pending[-1].hour_number)
        self._maybe_closed |= len(hours) > 1 or any(record.gap_possible for record in records)
        self.pending.extend(records)
        self._entries += entries_of(records)
        self._bytes += sum(map(_PAYLOAD_BYTES, records))

    def _last_number(self) -> int:
        return self.pending[-1].number if self.pending else number(self.end)

    def _last_arrival(self) -> int | None:
        return self.pending[-1].arrival if self.pending else self._end_arrival

    def _refuse_second_part(self, record: StreamRecord) -> None:
        for last in islice(reversed(self.pending), 1):
            repeated = last.number == record.number
            if repeated and record.last_sub_sequence > last.last_sub_sequence:
                raise LakeError(f"record {record.sequence} was delivered in two parts")
