"""What a run shows: the state of each part and the figures of the lake, as plain data."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from lake_core.names import Domain

RATE_WINDOW_SECONDS: Final = 5.0


class PartState(StrEnum):
    """Where a part is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"


@dataclass(slots=True)
class Counter:
    """A number that grows, and how fast it did in the last seconds."""

    value: int = 0
    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def set(self, value: int, now: float | None = None) -> None:
        """Take a new reading."""
        now = time.monotonic() if now is None else now
        self.value = value
        self._seen.append((now, value))
        while len(self._seen) > 2 and now - self._seen[0][0] > RATE_WINDOW_SECONDS:  # noqa: PLR2004
            self._seen.popleft()

    @property
    def per_second(self) -> float:
        """Growth a second over the window; 0 before there are two readings."""
        if not self._seen:
            return 0.0
        (first_time, first), (last_time, last) = self._seen[0], self._seen[-1]
        return (last - first) / (last_time - first_time) if last_time > first_time else 0.0


@dataclass(slots=True)
class DomainView:
    """One source on its way into the lake."""

    rows: int | None = None  # of the file, once known
    sent: Counter = field(default_factory=Counter)
    refused: int = 0  # rows of the CSV that the ingestor put into quarantine
    scored: Counter = field(default_factory=Counter)
    unusable: int = 0  # entries that the processor put into quarantine
    trickle: int = 0  # events the trickle has sent
    trickle_refused: int = 0  # rows it refused, each lap anew

    @property
    def quarantined(self) -> int:
        return self.refused + self.trickle_refused + self.unusable


@dataclass(slots=True)
class View:
    """Everything the screen shows."""

    started: float = field(default_factory=time.monotonic)
    parts: dict[str, tuple[PartState, str]] = field(default_factory=dict)
    domains: dict[Domain, DomainView] = field(
        default_factory=lambda: {domain: DomainView() for domain in Domain}
    )
    addresses: dict[str, str] = field(default_factory=dict)
    lag_seconds: float | None = None
    first_insight_seconds: float | None = None

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def set_part(self, name: str, state: PartState, detail: str = "") -> None:
        """Put a part into a state."""
        self.parts[name] = (state, detail)
