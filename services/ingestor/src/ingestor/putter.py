"""Puts records on the stream: full batches, retried record by record, in order within a shard.

One lane (a thread) serves a shard, or several where there are many. A lane has one call under way
at a time, so that a retry is not overtaken by later records of its shard. PutRecords itself gives
no order inside one call; only a call with partial failures can show that.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from ingestor.limits import ShardLimit, full_jitter
from ingestor.records import OutgoingRecord
from ingestor.settings import Settings
from lake_core.errors import OutcomeUnknown, TransientError

MAX_CALL_RECORDS: Final = 500  # PutRecords' limit per call
MAX_CALL_BYTES: Final = 5 * 1024 * 1024  # PutRecords' limit per call, keys included
MAX_LANES: Final = 16
THROTTLED: Final = "ProvisionedThroughputExceededException"
# Per lane, beside the call under way: so much that reading seldom waits, and memory is bounded.
QUEUED_RECORDS: Final = 3 * MAX_CALL_RECORDS
QUEUED_BYTES: Final = 2 * 1024 * 1024
IDLE_SECONDS: Final = 0.05  # how long a lane waits for records before it looks whether to end
# A lane's call may hang for as long as its client waits; nobody waits for that at the end.
CLOSE_SECONDS: Final = 0.5


class PutResult(msgspec.Struct, frozen=True, gc=False):
    """What became of one record of a call, as Kinesis answers it."""

    # Where it is, if it was taken.
    shard_id: str | None = msgspec.field(default=None, name="ShardId")
    # Why it was not, otherwise.
    error: str | None = msgspec.field(default=None, name="ErrorCode")


class Stream(Protocol):
    """A Kinesis stream."""

    def put(self, records: Sequence[OutgoingRecord]) -> list[PutResult]:
        """Put up to MAX_CALL_RECORDS records; one result each, in their order.

        Raises:
            OutcomeUnknown: no answer: each record may or may not be there.
            TransientError: the call as a whole was refused; nothing is there.
        """
        ...


@dataclass(slots=True)
class Totals:
    """What has been put."""

    events: int = 0
    records: int = 0
    bytes: int = 0
    calls: int = 0
    retried: int = 0  # records that had to be put again
    throttled: int = 0  # of those, records of a shard that had its fill
    unknown_outcomes: int = 0  # of those, records that may be there twice now


class Putter:
    """All lanes of a stream, and which rows they have got acknowledged."""

    def __init__(
        self,
        stream: Stream,
        settings: Settings,
        on_moved: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        *,
        totals: Totals | None = None,
        on_call: Callable[[int], None] = lambda records: None,
    ) -> None:
        self.totals = totals or Totals()
        self._on_call = on_call  # told of the records of each call
        self._stream = stream
        self._settings = settings
        self._on_moved = on_moved  # a record went to another shard than thought: map is old
        self._clock = clock
        self._lock = threading.Lock()
        self._lanes: list[_Lane] = []
        self._lane_of: dict[str, _Lane] = {}  # by shard id
        self._pending: set[OutgoingRecord] = set()
        self._failure: BaseException | None = None
        self._idle = threading.Condition(self._lock)

    def expect(self, records: Sequence[OutgoingRecord]) -> None:
        """Take note of records on their way: their rows count as not acknowledged from now on."""
        with self._lock:
            self._pending.update(records)

    def offer(self, records: Sequence[OutgoingRecord], seconds: float) -> bool:
        """Queue expected records of one shard; False if its lane stays full for so long.

        Raises:
            LakeError: a lane has given up.
        """
        self.check()
        return self._lane(records[0].shard_id).offer(records, seconds)

    def check(self) -> None:
        """Raise what stopped a lane."""
        if self._failure is not None:
            raise self._failure

    def acknowledged_before(self, position: int) -> int:
        """Return the position before which every row is acknowledged, `position` at most."""
        with self._lock:
            return min((record.first_position for record in self._pending), default=position)

    def drain(self, seconds: float) -> bool:
        """Wait until everything expected is acknowledged; False if that takes longer."""
        with self._idle:
            done = self._idle.wait_for(lambda: not self._pending or self._failure, seconds)
        self.check()
        return bool(done)

    def close(self) -> None:
        """End the lanes; what is still queued is dropped."""
        for lane in self._lanes:
            lane.closing.set()
        deadline = time.monotonic() + CLOSE_SECONDS
        for lane in self._lanes:
            lane.thread.join(max(0.0, deadline - time.monotonic()))

    def _lane(self, shard_id: str) -> _Lane:
        """Return the lane of a shard: one of its own while there are lanes left."""
        lane = self._lane_of.get(shard_id)
        if lane is None:
            if len(self._lanes) < MAX_LANES:
                self._lanes.append(_Lane(self))
                lane = self._lanes[-1]
            else:
                lane = self._lanes[len(self._lane_of) % MAX_LANES]
            self._lane_of[shard_id] = lane
        return lane

    def acknowledge(self, records: Sequence[OutgoingRecord]) -> None:
        """Take note that records are on the stream."""
        with self._idle:
            self._pending.difference_update(records)
            self.totals.events += sum(record.events for record in records)
            self.totals.records += len(records)
            self.totals.bytes += sum(record.size for record in records)
            self._idle.notify_all()

    def count(
        self, *, calls: int = 0, retried: int = 0, throttled: int = 0, unknown: int = 0
    ) -> None:
        """Add to the totals."""
        with self._lock:
            self.totals.calls += calls
            self.totals.retried += retried
            self.totals.throttled += throttled
            self.totals.unknown_outcomes += unknown

    def fail(self, error: BaseException) -> None:
        """Stop everything with the error of a lane."""
        with self._idle:
            self._failure = self._failure or error
            self._idle.notify_all()

    def attempt(self, records: Sequence[OutgoingRecord]) -> tuple[list[OutgoingRecord], str]:
        """Put records once; return those to put again, and why."""
        self.count(calls=1)
        self._on_call(len(records))
        try:
            results = self._stream.put(records)
        except OutcomeUnknown as error:
            # Putting them again may double them; their identity lets every reader tell.
            self.count(unknown=len(records))
            return list(records), str(error)
        except TransientError as error:
            return list(records), str(error)
        pairs = list(zip(records, results, strict=True))
        if all(result.error is None for result in results):
            self.acknowledge(records)
        else:
            self.acknowledge([record for record, result in pairs if result.error is None])
        if any(result.shard_id not in (None, record.shard_id) for record, result in pairs):
            self._on_moved()
        refused = [(record, result.error) for record, result in pairs if result.error is not None]
        self.count(throttled=sum(reason == THROTTLED for _, reason in refused))
        return [record for record, _ in refused], str(refused[0][1]) if refused else ""

    def put_all(self, batch: list[OutgoingRecord], closing: threading.Event) -> None:
        """Put a batch until every record of it is there.

        Raises:
            TransientError: one was refused for longer than the deadline.
        """
        began, tries = self._clock(), 0
        while batch and not closing.is_set():
            batch, reason = self.attempt(batch)
            if not batch:
                return
            if self._clock() - began > self._settings.deadline_seconds:
                raise TransientError(
                    f"{len(batch)} records were refused for {self._settings.deadline_seconds:.0f} s"
                    f" and given up; the last reason: {reason}"
                )
            self.count(retried=len(batch))
            tries += 1
            closing.wait(full_jitter(tries))

    @property
    def shard_limits(self) -> bool:
        """Whether to keep to a shard's limits."""
        return self._settings.shard_limits


@dataclass(slots=True)
class _Lane:
    putter: Putter
    records: deque[OutgoingRecord] = field(default_factory=deque)
    bytes: int = 0  # of them
    changed: threading.Condition = field(default_factory=threading.Condition)
    closing: threading.Event = field(default_factory=threading.Event)
    limits: dict[str, ShardLimit] = field(default_factory=dict)
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def offer(self, records: Sequence[OutgoingRecord], seconds: float) -> bool:
        """Queue records; False if there is no room for so long."""
        with self.changed:
            if not self.changed.wait_for(self._has_room, seconds):
                return False
            self.records.extend(records)
            self.bytes += sum(record.size for record in records)
            self.changed.notify_all()
        return True

    def _has_room(self) -> bool:
        return len(self.records) < QUEUED_RECORDS and self.bytes < QUEUED_BYTES

    def _run(self) -> None:
        try:
            while not self.closing.is_set():
                if batch := self._batch():
                    self._keep_to_limits(batch)
                    self.putter.put_all(batch, self.closing)
        except BaseException as error:  # noqa: BLE001 - carried to the main thread, which raises it
            self.putter.fail(error)

    def _batch(self) -> list[OutgoingRecord]:
        """Return what is queued, up to the limits of a call; waits a moment for the first."""
        batch: list[OutgoingRecord] = []
        left = MAX_CALL_BYTES
        with self.changed:
            self.changed.wait_for(lambda: bool(self.records), IDLE_SECONDS)
            while self.records and len(batch) < MAX_CALL_RECORDS:
                left -= (size := self.records[0].size)
                if left < 0:
                    break
                batch.append(self.records.popleft())
                self.bytes -= size
            self.changed.notify_all()
        return batch

    def _keep_to_limits(self, batch: list[OutgoingRecord]) -> None:
        if not self.putter.shard_limits:
            return
        wait = 0.0
        for record in batch:
            limit = self.limits.setdefault(record.shard_id, ShardLimit())
            wait = max(wait, limit.wait_seconds(record.size, time.monotonic()))
        self.closing.wait(wait)
