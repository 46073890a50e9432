"""Alerts: exact totals over all of them, and the latest ones themselves."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Any, Final

from analytics_api.frames import SCORE, order_of

KEPT: Final = 10_000  # the latest by event time; memory must not follow the events


@dataclass(slots=True)
class AlertStore:
    """The alerts of a lake."""

    count: int = 0
    score_sum: int = 0  # hundredths
    _heap: list[tuple[tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Take readings that raise an alert, each once."""
        for row in rows:
            self.count += 1
            self.score_sum += row[SCORE]
            entry = (alert_order(row), row)
            if len(self._heap) < KEPT:
                heapq.heappush(self._heap, entry)
            else:
                heapq.heappushpop(self._heap, entry)

    def newest_first(self) -> list[dict[str, Any]]:
        """Return those kept, the newest first."""
        return [row for _, row in sorted(self._heap, key=lambda entry: entry[0], reverse=True)]


def alert_order(row: dict[str, Any]) -> tuple[Any, ...]:
    """Return the place of an alert among all: no two have the same."""
    return (
        *order_of(row),
        row["event_source"] or "",
        row["sequence_number"],
        row["record_index"],
    )
