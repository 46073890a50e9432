"""SIGTERM and SIGINT as an event that a replay looks at."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Self


class StopSignal:
    """As a context: the first signal asks for a stop in good order, the second one ends at once."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.number: int | None = None

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
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.number = number
        self.event.set()
        signal.signal(number, signal.SIG_DFL)
