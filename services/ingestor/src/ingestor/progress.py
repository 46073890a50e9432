"""Shows how a replay goes on: a bar on a terminal, JSON log lines otherwise."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ingestor.heartbeat import Heartbeat

log = logging.getLogger("ingestor")
EVERY_SECONDS: Final = 1.0
LINE_EVERY_SECONDS: Final = 10.0  # where others write to the same place


class ReplayProgress(AbstractContextManager["ReplayProgress"]):
    """Told of every row, speaks about once a second."""

    def __init__(
        self, stream: str, total: int | None, rows: int, heartbeat: Heartbeat, *, alone: bool
    ) -> None:
        self._stream = stream
        self._heartbeat = heartbeat
        self._wants_bar = alone and sys.stderr.isatty()
        self._line_every_seconds = 0.0 if alone else LINE_EVERY_SECONDS
        self._logged = 0.0
        self._total = total
        self._rows = rows
        self._began = self._spoke = time.monotonic()
        self._spoken_events = 0
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        self._heartbeat.beat()
        if self._wants_bar:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]:,.0f}/s"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._bar.start()
            self._task = self._bar.add_task(self._stream, total=self._total, rate=0.0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._heartbeat.end()
        if self._bar:
            self._bar.stop()

    def due(self) -> bool:
        """Whether it is time to speak."""
        return time.monotonic() - self._spoke >= EVERY_SECONDS

    def show(self, sent: int, quarantined: int, lap: int, row: int) -> None:
        """Say where things are; `sent` counts acknowledged events."""
        self._heartbeat.beat()
        now = time.monotonic()
        rate = (sent - self._spoken_events) / max(now - self._spoke, 1e-9)
        self._spoke, self._spoken_events = now, sent
        if self._bar:
            self._bar.update(self._task, completed=sent, rate=rate)
            return
        if now - self._logged < self._line_every_seconds:
            return
        self._logged = now
        log.info(
            "progress",
            extra={
                "stream": self._stream,
                "sent": sent,
                "total": self._total,
                "rows": self._rows,
                "rate_per_second": round(rate),
                "quarantined": quarantined,
                "lap": lap,
                "row": row,
            },
        )
