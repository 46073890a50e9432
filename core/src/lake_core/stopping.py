"""SIGTERM and SIGINT as an event to look at, and a limit to how long the stop may take."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Final, Self

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class StopSignal:
    """As a context: the first signal sets `event`.

    A stop with a grace may be cut short: a second signal ends the process at once, and if the block
    is not left within the grace, `overdue` is called with the signal's number. One without takes
    as long as it needs, however many signals come.

    The handler only writes a byte, and a thread sets the event. A handler runs in the middle of
    whatever the main thread does; where that is `event.wait()`, setting the event from the handler
    waits for a lock that the main thread itself holds, for ever.
    """

    def __init__(
        self,
        grace_seconds: float | None = None,
        overdue: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.event = threading.Event()
        self.number: int | None = None
        self._grace_seconds = grace_seconds
        self._overdue = overdue
        self._before: dict[int, Any] = {}
        self._told, self._tell = os.pipe()  # a byte: a signal came; the end: the block is left
        self._watcher = threading.Thread(target=self._watch, name="stop-signal", daemon=True)

    def __enter__(self) -> Self:
        self._watcher.start()
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._tell)
        self._watcher.join()
        os.close(self._told)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.number = number
        if self._grace_seconds is not None:
            for each in SIGNALS:
                signal.signal(each, signal.SIG_DFL)
        os.write(self._tell, b"!")

    def _watch(self) -> None:
        if not os.read(self._told, 1):
            return
        self.event.set()
        if self._grace_seconds is None:
            return
        left, _, _ = select.select([self._told], [], [], self._grace_seconds)
        if not left:
            self._overdue(self.number or 0)
