"""Ctrl-C, SIGTERM and SIGHUP: noted when they come, acted on where nothing is half done."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Final, Self

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):  # noqa: N818 - a person's wish, not an error
    """The run was asked to end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Interrupts:
    """As a context: takes the signals, and gives them back as they were."""

    def __init__(self) -> None:
        self._received: list[int] = []
        self._acted_on = 0
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        for number in SIGNALS:
            # What is ignored (nohup) stays ignored.
            if signal.getsignal(number) != signal.SIG_IGN or number == signal.SIGINT:
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _receive(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._received.append(number)

    def check(self) -> None:
        """Raise if a signal came.

        Raises:
            Interrupted: the first signal.
        """
        if self._received and not self._acted_on:
            self._acted_on = len(self._received)
            raise Interrupted(self._received[0])

    def again(self) -> bool:
        """Say whether another came after the one acted on: somebody is in a hurry."""
        return bool(self._acted_on) and len(self._received) > self._acted_on
