"""The write path as a pure state machine: how one shard's records become ranges (I1–I8).

`ChainWriter` does no I/O. Its methods are generators: each yields one effect at a time and is sent
that effect's result. Production (`child.py`) performs them on S3; the model test performs them on
a simulated lake and stops between any two. See docs/invariants.md.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from lake_core.chain import number
from lake_core.errors import LakeError
from lake_core.footer import Footer
from lake_core.layout import Chain, RangeName
from processor.record_run import RecordRun, hour_number

# I8: a range may be written for so long after its first record came; then somebody else may own
# the shard and the stream may have forgotten what a reader would need to tell.
MAX_HOLD_SECONDS: Final = 15 * 60


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
    runs: tuple[RecordRun, ...]
    after: str | None

    @property
    def deadline(self) -> float:
        """No put of this range may start later (I8)."""
        return self.runs[0].received + MAX_HOLD_SECONDS

    @property
    def has_poison(self) -> bool:
        """Whether a quarantine object has to be written first (I3)."""
        return any(run.poison for run in self.runs)


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
    pending: deque[RecordRun] = field(default_factory=deque)
    _end_arrival: int | None = None  # arrival of the record at `end`; None: not known
    _located: bool = False
    _entries: int = 0  # of `pending`
    _bytes: int = 0  # of `pending`
    _maybe_closed: bool = False  # an hour or a possible hole may end the first range of `pending`

    def receive(self, run: RecordRun, now: int) -> Steps:
        """Take the next records of the shard; write ranges that are full.

        `now` is in milliseconds since 1970 UTC.

        Raises:
            LakeError: records out of order, or one in two parts, which would tear a range (I1).
        """
        _refuse_disorder(run)
        self.delivered = max(self.delivered, run.last_number)
        rest = self._new_of(run)
        while rest is not None:
            if self._located and not self._may_expire(rest, now):
                self._append(rest)
                break
            one, rest = rest.cut(1)
            if not self._located:
                yield from self._take_over(one, now)
            elif self._expired_before(one, now):
                yield from self.flush(one.received, force=True)
                yield from self._take_over(one, now)
            if one.first_number > number(self.end):
                self._append(one)
            rest = self._new_of(rest) if rest is not None else None
        if self._is_full:
            yield from self.flush(run.received)

    def _new_of(self, run: RecordRun) -> RecordRun | None:
        """Return the records beyond those held here or by the lake."""
        last = self._last_number()
        if run.first_number > last:
            return run
        if self.pending and run.last_number == last:
            self._refuse_second_part(run)
        return run.cut(count)[1] if (count := run.through(last)) else run

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
            first = self.pending[0].sequences[0]
            raise HeldTooLong(
                f"held records of {self.chain.shard} from {first} on for more than "
                f"{MAX_HOLD_SECONDS} s; starting again"
            )

    @property
    def checkpoint_due(self) -> str | None:
        """The position to checkpoint: held by the lake and delivered by KCL, and new (I6)."""
        if self.end == self.checkpointed or not -1 < number(self.end) <= self.delivered:
            return None
        return self.end

    # --- taking over: I5, and expiry: I7

    def _take_over(self, record: RecordRun, now: int) -> Steps:
        """Find out where the lake stands before anything is made of this record."""
        names: list[RangeName] = yield ListRanges(record.hour)
        before = [name for name in names if name.first <= record.first_number]
        if before:
            name = max(before, key=lambda name: name.first)
            footer: Footer | None = yield ReadFooter(name)
            if footer is not None and number(footer.last) >= record.first_number:
                yield from self._adopt(name, footer)
            elif footer is not None and number(footer.last) == number(self.end):
                self._end_arrival = footer.last_arrival
        self._located = True
        if record.first_number > number(self.end):
            record.gap_possible = yield from self._gap_before(record, now)

    def _gap_before(self, record: RecordRun, now: int) -> Generator[Effect, Any, bool]:
        """Whether records between the last one and this one may have expired unseen."""
        age = max(now, record.arrivals[0]) - self.stream.created
        if age <= self.stream.retention_milliseconds:
            return False
        if self._end_arrival is None and self.end is not None:
            self._end_arrival = yield FindArrival(self.end, record.hour)
        if self._end_arrival is None:
            holds: bool = yield LakeHoldsIncarnation()
            return holds or self.end is not None
        return self._expired_before(record, now)

    def _expired_before(self, record: RecordRun, now: int) -> bool:
        arrival = self._last_arrival()
        if arrival is None:
            return False
        latest = max(now, record.arrivals[0])  # a clock set back must not hide an expiry
        return latest - arrival > self.stream.retention_milliseconds

    def _may_expire(self, run: RecordRun, now: int) -> bool:
        """Whether `_expired_before` may hold for any of the records."""
        oldest, newest, last = min(run.arrivals), max(run.arrivals), self._last_arrival()
        oldest = oldest if last is None else min(oldest, last)
        return max(now, newest) - oldest > self.stream.retention_milliseconds

    # --- committing: I3, and adopting: I4

    def _commit(self, due: Range) -> Steps:
        while True:
            if due.has_poison:
                yield PutQuarantine(due)
            outcome: Outcome = yield PutRange(due)
            if outcome is Outcome.COMMITTED:
                last = due.runs[-1]
                self._drop(sum(map(len, due.runs)))
                self.end, self._end_arrival = last.sequences[-1], last.arrivals[-1]
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
        upto = number(sequence)
        self._drop(sum(run.through(upto) for run in self.pending))

    def _drop(self, count: int) -> None:
        """Forget the first records: the lake holds them."""
        while count:
            dropped, rest = self.pending.popleft().cut(count)
            if rest is not None:
                self.pending.appendleft(rest)
            count -= len(dropped)
            self._entries -= dropped.entries
            self._bytes -= dropped.payload_bytes
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
        name = RangeName(self.chain, first.hour, first.first_number)
        return Range(name, tuple(self._first(count)), self.end)

    def _longest_run(self) -> tuple[int, bool]:
        """Return how many records the first range may take, and whether it may grow no more."""
        hour = hour_number(self.pending[0].arrivals[0])
        count = entries = size = 0
        for at, run in enumerate(self.pending):
            if at and run.gap_possible:
                return count, True
            alike = run.of_hour(hour)
            fill = run.filling(self.policy.max_rows - entries, self.policy.max_bytes - size)
            if fill is not None and fill <= alike:
                return count + fill, True
            if alike < len(run):
                return count + alike, True
            count += len(run)
            entries += run.entries
            size += run.payload_bytes
        return count, False

    def _first(self, count: int) -> Iterator[RecordRun]:
        """Yield the first records of what is held."""
        for run in self.pending:
            if not count:
                return
            taken, _ = run.cut(count)
            count -= len(taken)
            yield taken

    def _append(self, run: RecordRun) -> None:
        hours = {hour_number(min(run.arrivals)), hour_number(max(run.arrivals))}
        if self.pending:
            hours.add(hour_number(self.pending[-1].arrivals[-1]))
        self._maybe_closed |= len(hours) > 1 or run.gap_possible
        self.pending.append(run)
        self._entries += run.entries
        self._bytes += run.payload_bytes

    def beyond(self, position: int) -> tuple[str | None, list[RecordRun]]:
        """Return the records held beyond a position, and the sequence number before them."""
        runs: list[RecordRun] = []
        for run in reversed(self.pending):
            before, rest = run.cut(count) if (count := run.through(position)) else (None, run)
            if rest is not None:
                runs.insert(0, rest)
            if before is not None:
                return before.sequences[-1], runs
        return self.end, runs

    def _last_number(self) -> int:
        return self.pending[-1].last_number if self.pending else number(self.end)

    def _last_arrival(self) -> int | None:
        return self.pending[-1].arrivals[-1] if self.pending else self._end_arrival

    def _refuse_second_part(self, record: RecordRun) -> None:
        if record.last_sub_sequence > self.pending[-1].last_sub_sequence:
            raise LakeError(f"record {record.sequences[-1]} was delivered in two parts")


def _refuse_disorder(run: RecordRun) -> None:
    sequences = list(run.sequences)
    # Texts of one length are in the order of their numbers, and comparing them is cheaper.
    key = None if len(set(map(len, sequences))) == 1 else int
    if sorted(sequences, key=key) != sequences:
        raise LakeError(f"records from {sequences[0]} to {sequences[-1]} came out of order")
