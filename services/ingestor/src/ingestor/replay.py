"""The replay: rows → events with identity → records → the stream, at a pace, resumable."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby, islice
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from ingestor.cursor import Position
from ingestor.pace import Pace
from ingestor.progress import ReplayProgress
from ingestor.putter import MAX_CALL_RECORDS, Putter
from ingestor.quarantine import IngestQuarantine
from ingestor.records import OutgoingRecord, Records
from ingestor.source import BadRow, CsvSource, GoodRow, Scan, event_source, shift
from lake_core.errors import InputError, TransientError
from lake_core.events import partition_key
from lake_core.metrics import MetricsExport

if TYPE_CHECKING:
    from ingestor.csv_columns import GoodRows

log = logging.getLogger("ingestor")
# Leaves time to close and to save the cursor within the grace of stop.py.
DRAIN_SECONDS_WHEN_STOPPED: Final = 3.0
# A wait longer than this is cut into pieces, so that a stop is noticed and claims are renewed.
WAIT_STEP_SECONDS: Final = 0.1
# Saving quarantined rows takes no more than about this share of the time, however many there are.
QUARANTINE_PATIENCE: Final = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """Which rows to send: from `start` on, at most `limit`, for `laps` laps (None: no end)."""

    start: Position
    limit: int | None
    laps: int | None
    first_lap: int

    def positions(self) -> Iterator[tuple[int, int]]:
        """Yield (lap, first row) of each lap."""
        lap = self.start.lap
        while self.laps is None or lap < self.first_lap + self.laps:
            yield lap, self.start.row if lap == self.start.lap else 0
            lap += 1

    def total(self, rows: int) -> int | None:
        """Return how many rows there are to send; None if there is no end."""
        if self.laps is None:
            return self.limit
        left = max(0, (self.first_lap + self.laps - self.start.lap) * rows - self.start.row)
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
    rows: Callable[[int], Iterator[GoodRow | BadRow | GoodRows]]  # of the source from a row on
    scan: Scan
    plan: Plan
    pace: Pace
    records: Records
    putter: Putter
    quarantine: Callable[[int, int], IngestQuarantine]  # of a lap from a row on
    save: Callable[[Position], None]
    progress: ReplayProgress
    stop: threading.Event
    export: MetricsExport
    _read: int = 0  # rows read, the position in the whole replay
    _quarantined: int = 0  # in laps that are over
    _aside: IngestQuarantine | None = None  # of the lap under way
    _next_row: int = 0  # of the lap under way
    _unsaved: int | None = None  # the first row read that is in a quarantine not yet saved
    _save_quarantine_from: float = 0.0
    _stop_by: float | None = None  # when a stop that was asked for has to be over

    def run(self) -> Outcome:
        """Send everything, or stop in good order when asked.

        Raises:
            LakeError: the stream refused for too long, or the cursor was taken over.
        """
        began = time.monotonic()
        for lap, first_row in self.plan.positions():
            if self._over():
                break
            self._lap(lap, first_row)
        self._put(self.records.rest())
        while not self.putter.drain(WAIT_STEP_SECONDS) and not self._out_of_time():
            self._tell_when_due()
        self._tell()
        whole = self._read == self.plan.total(self.scan.rows) and self._all_acknowledged()
        stopped = self.stop.is_set() and not whole
        return Outcome(self.position(), self._quarantined, stopped, time.monotonic() - began)

    def position(self) -> Position:
        """Return the place before which every row is acknowledged or kept in quarantine."""
        done = min(
            self.putter.acknowledged_before(self._read),
            min(self.records.held_positions(), default=self._read),
            self._read if self._unsaved is None else self._unsaved,
        )
        at = self.plan.start.row + done
        return Position(self.plan.start.lap + at // self.scan.rows, at % self.scan.rows)

    def _all_acknowledged(self) -> bool:
        return self.putter.acknowledged_before(self._read) == self._read

    def _over(self) -> bool:
        limit = self.plan.limit
        return self.stop.is_set() or (limit is not None and self._read >= limit)

    def _lap(self, lap: int, first_row: int) -> None:
        name, before = str(event_source(self.source, self.scan, lap)), self._read
        self._next_row = first_row
        with closing(self.quarantine(lap, first_row)) as quarantine:
            self._aside = quarantine
            try:
                self._rows(lap, name, quarantine)
            finally:
                quarantine.save(self._next_row)
        self._quarantined += quarantine.count
        self._aside = None
        self._unsaved = None
        if self.plan.limit is None and self.plan.laps is None:
            self._refuse_hopeless(quarantine.count, self._read - before)

    def _rows(self, lap: int, source: str, quarantine: IngestQuarantine) -> None:
        for row in self.rows(self._next_row):
            if self._over():
                return
            if not isinstance(row, GoodRow | BadRow):
                self._send_rows(row, lap, source)
            elif not self._row(row, lap, source, quarantine):
                return
            else:
                self._next_row = row.row + 1
            self._tell_when_due()

    def _refuse_hopeless(self, bad: int, read: int) -> None:
        if bad == read == self.scan.rows:
            raise InputError(
                f"no row of {self.source.name} can be used; see its quarantine for the reasons"
            )

    def _row(
        self, row: GoodRow | BadRow, lap: int, source: str, quarantine: IngestQuarantine
    ) -> bool:
        """Send a row or put it aside; False if a stop came first: a resumed replay begins here."""
        if isinstance(row, BadRow):
            quarantine.add(row)
            if self._unsaved is None:
                self._unsaved = self._read
        else:
            self._wait()
            if self.stop.is_set():
                return False
            self._send(row, lap, source)
        self._read += 1
        return True

    def _send(self, row: GoodRow, lap: int, source: str) -> None:
        event = row.event
        shift(event, lap * self.scan.span_days)
        event.event_source, event.event_row = source, row.row
        event.ingest_timestamp = dt.datetime.now(dt.UTC)
        entry, key = self.records.entry(event), partition_key(event)
        self._put(self.records.add(key, entry, self._read, time.monotonic()))

    def _send_rows(self, rows: GoodRows, lap: int, source: str) -> None:
        if self.plan.limit is not None:
            rows = rows.slice(0, min(rows.count, self.plan.limit - self._read))
        made = rows.identified(source, lap * self.scan.span_days, dt.datetime.now(dt.UTC))
        self._put(self.records.add_rows(made, self._read, time.monotonic()))
        self._next_row += rows.count
        self._read += rows.count

    def _put(self, records: Iterable[OutgoingRecord]) -> None:
        """Hand records over, waiting for room; those a stop leaves behind stay unacknowledged."""
        made = list(records)  # all of them are expected before anything can fail
        self.putter.expect(made)
        for _, run in groupby(made, attrgetter("shard_id")):
            while part := list(islice(run, MAX_CALL_RECORDS)):
                while not self.putter.offer(part, WAIT_STEP_SECONDS):
                    if self._out_of_time():
                        return
                    self._tell_when_due()

    def _out_of_time(self) -> bool:
        if not self.stop.is_set():
            return False
        if self._stop_by is None:
            self._stop_by = time.monotonic() + DRAIN_SECONDS_WHEN_STOPPED
        return time.monotonic() >= self._stop_by

    def _wait(self) -> None:
        """Wait for the next event's time; meanwhile send what has lingered."""
        left = self.pace.wait_seconds(time.monotonic())
        if self.pace.events_per_second is None:
            return
        while True:
            self._put(self.records.due(time.monotonic()))
            if left <= 0 or self.stop.wait(min(left, WAIT_STEP_SECONDS)):
                return
            left -= WAIT_STEP_SECONDS
            self._tell_when_due()

    def _tell_when_due(self) -> None:
        if self.progress.due():
            self._save_quarantine()
            self._tell()

    def _save_quarantine(self) -> None:
        """Save quarantined rows, or else the cursor stays before the first that is not saved."""
        began = time.monotonic()
        if self._aside is None or self._unsaved is None or began < self._save_quarantine_from:
            return
        self._aside.save(self._next_row)
        self._unsaved = None
        now = time.monotonic()
        self._save_quarantine_from = now + QUARANTINE_PATIENCE * (now - began)

    def _tell(self) -> None:
        """Save the cursor, which renews the claim, and say how far things are."""
        position = self.position()
        try:
            self.save(position)
        except TransientError as error:  # the next one, in a second, may do better
            log.warning("the cursor is not saved: %s", error)
        quarantined = self._quarantined + (self._aside.count if self._aside else 0)
        self.progress.show(self.putter.totals.events, quarantined, position.lap, position.row)
        self.export.tick(time.monotonic())
