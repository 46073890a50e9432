"""SIGTERM and SIGINT as an event that a replay looks at, and a limit to how long that takes."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Final, Self

log = logging.getLogger("ingestor")
# A call that hangs (S3 and Kinesis answer nothing) must not hold the process for longer.
GRACE_SECONDS: Final = 5.0


class StopSignal:
    """As a context: the first signal asks for a stop in good order, the second one ends at once.

    If that stop takes longer than the grace, `give_up` ends the process. The cursor saved last
    then stands, so a resumed replay sends some rows again and leaves none out.
    """

    def __init__(
        self,
        grace_seconds: float = GRACE_SECONDS,
        give_up: Callable[[int], None] = os._exit,  # threads may hang in calls; nothing waits
    ) -> None:
        self.event = threading.Event()
        self.number: int | None = None
        self._grace_seconds = grace_seconds
        self._give_up = give_up
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer:
            self._timer.cancel()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.number = number
        self.event.set()
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_DFL)
        self._timer = threading.Timer(self._grace_seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def _end(self) -> None:
        log.critical(
            "not stopped within %.0f s: a call hangs; --resume sends the rows since the last saved "
            "cursor again",
            self._grace_seconds,
        )
        self._give_up(128 + (self.number or 0))
