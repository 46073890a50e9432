"""The replay: rows → events with identity → records → the stream, at a pace, resumable."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ingestor.cursor import Position
from ingestor.pace import Pace
from ingestor.progress import ReplayProgress
from ingestor.putter import Putter
from ingestor.quarantine import IngestQuarantine
from ingestor.records import Records
from ingestor.source import BadRow, CsvSource, GoodRow, Scan, event_source, shift
from lake_core.events import partition_key
from lake_core.parsing import encode_event

DRAIN_SECONDS_WHEN_STOPPED: Final = 4.0
# A wait longer than this is cut into pieces, so that a stop is noticed and lingering is kept.
WAIT_STEP_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """Which rows to send: from `start` on, at most `limit`, for `laps` laps (None: no end)."""

    start: Position
    limit: int | None
    laps: int | None
    first_lap: int

    def positions(self, rows: int) -> Iterator[tuple[int, int]]:
        """Yield (lap, first row) of each lap."""
        lap = self.start.lap
        while self.laps is None or lap < self.first_lap + self.laps:
            yield lap, self.start.row if lap == self.start.lap else 0
            lap += 1

    def total(self, rows: int) -> int | None:
        """Return how many rows there are to send; None if there is no end."""
        if self.laps is None:
            return self.limit
        left = (self.first_lap + self.laps - self.start.lap) * rows - self.start.row
        return left if self.limit is None else min(left, self.limit)


@dataclass(slots=True)
class Outcome:
    """How a replay ended."""

    position: Position  # every row before it is acknowledged
    quarantined: int
    stopped: bool  # it was asked to, before its end
    seconds: float


@dataclass(slots=True)
class Replay:
    """One replay of one file to one stream."""

    source: CsvSource
    scan: Scan
    plan: Plan
    pace: Pace
    records: Records
    putter: Putter
    quarantine: Callable[[int, int], IngestQuarantine]  # of a lap from a row on
    save: Callable[[Position], None]
    progress: ReplayProgress
    stop: threading.Event
    _read: int = 0  # rows read, the position in the whole replay
    _quarantined: int = 0

    def run(self) -> Outcome:
        """Send everything, or stop in good order when asked.

        Raises:
            LakeError: the stream refused for too long, or the cursor was taken over.
        """
        began = time.monotonic()
        for lap, first_row in self.plan.positions(self.scan.rows):
            if self._over():
                break
            self._lap(lap, first_row)
        for record in self.records.rest():
            self.putter.put(record)
        self.putter.drain(DRAIN_SECONDS_WHEN_STOPPED if self.stop.is_set() else None)
        position = self._position()
        self._tell()
        stopped = self.stop.is_set() and self._read != self.plan.total(self.scan.rows)
        return Outcome(position, self._quarantined, stopped, time.monotonic() - began)

    def _over(self) -> bool:
        limit = self.plan.limit
        return self.stop.is_set() or (limit is not None and self._read >= limit)

    def _lap(self, lap: int, first_row: int) -> None:
        quarantine = self.quarantine(lap, first_row)
        source_name = str(event_source(self.source, self.scan, lap))
        try:
            for row in self.source.rows(first_row):
                if self._over():
                    return
                self._row(row, lap, source_name, quarantine)
        finally:
            self._quarantined += quarantine.count
            quarantine.save()

    def _row(
        self, row: GoodRow | BadRow, lap: int, source: str, quarantine: IngestQuarantine
    ) -> None:
        if isinstance(row, BadRow):
            quarantine.add(row)
        else:
            self._wait()
            if self.stop.is_set():
                return  # neither sent nor counted: a resumed replay begins with it
            self._send(row, lap, source)
        self._read += 1
        if self.progress.due():
            self.save(self._position())
            self._tell(quarantine.count)

    def _send(self, row: GoodRow, lap: int, source: str) -> None:
        event = row.event
        shift(event, lap * self.scan.span_days)
        event.event_source, event.event_row = source, row.row
        event.ingest_timestamp = dt.datetime.now(dt.UTC)
        raw, key = encode_event(event), partition_key(event)
        for record in self.records.add(key, raw, self._read, time.monotonic()):
            self.putter.put(record)

    def _wait(self) -> None:
        """Wait for the next event's time; meanwhile send what has lingered."""
        left = self.pace.wait_seconds(time.monotonic())
        if self.pace.events_per_second is None:
            return
        while True:
            for record in self.records.due(time.monotonic()):
                self.putter.put(record)
            if left <= 0 or self.stop.wait(min(left, WAIT_STEP_SECONDS)):
                return
            left -= WAIT_STEP_SECONDS

    def _position(self) -> Position:
        """Return the place before which every row is acknowledged or in quarantine."""
        start = self.plan.start
        done = start.row + min(self.putter.acknowledged_before(self._read), self._oldest_held())
        return Position(start.lap + done // self.scan.rows, done % self.scan.rows)

    def _oldest_held(self) -> int:
        return min(self.records.held_positions(), default=self._read)

    def _tell(self, quarantined: int = 0) -> None:
        position = self._position()
        self.progress.show(
            self.putter.totals.events,
            self._quarantined + quarantined,
            position.lap,
            position.row,
        )
