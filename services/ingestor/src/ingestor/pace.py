"""How fast events go out: at a rate, at a multiple of event time, or as fast as they are taken."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from lake_core.errors import InputError

_RATE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?:/s)?")
_SPEED: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)x")
# A pace that fell behind (a slow stream, a sleeping laptop) catches up no more than this.
MAX_CATCH_UP_SECONDS: Final = 1.0


@dataclass(slots=True)
class Pace:
    """Says how long to wait before the next event. `events_per_second` None: not at all."""

    events_per_second: float | None
    _due: float | None = None  # of the event before
    _given_up: float = 0.0  # seconds that will not be caught up

    def wait_seconds(self, now: float) -> float:
        """Return the seconds until the next event is due, and count it as sent."""
        if self.events_per_second is None:
            return 0.0
        if self._due is None:
            self._due = now
            return 0.0
        if (late := now - MAX_CATCH_UP_SECONDS - self._due) > 0:
            self._given_up += late
            self._due += late
        self._due += 1 / self.events_per_second
        return max(0.0, self._due - now)

    def behind_seconds(self, now: float) -> float | None:
        """Return how far what is sent is behind what the pace asked for; None without a pace."""
        if self.events_per_second is None or self._due is None:
            return None
        return self._given_up + max(0.0, now - self._due - 1 / self.events_per_second)


def parse_rate(text: str) -> float | None:
    """Read `1157/s` or `max` (None).

    Raises:
        InputError: it is neither.
    """
    if text == "max":
        return None
    match = _RATE.fullmatch(text)
    if not match or float(match[1]) <= 0:
        raise InputError(f"--rate {text}: expected a number of events a second, 1157/s, or max")
    return float(match[1])


def parse_speed(text: str) -> float:
    """Read `60x`: event time goes so many times as fast as the clock.

    Raises:
        InputError: it is not of that form.
    """
    match = _SPEED.fullmatch(text)
    if not match or float(match[1]) <= 0:
        raise InputError(f"--speed {text}: expected a multiple of event time, like 60x")
    return float(match[1])


def rate_of_speed(speed: float, rows: int, span_days: int) -> float:
    """Return events a second for a file whose rows span so many days of event time."""
    return rows / (span_days * 86_400) * speed
