"""Alerts: exact totals over all of them, and the latest ones as the API lists them."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from analytics_api.frames import ORDER, SCORE, order_of
from analytics_api.instants import text_of_microseconds
from lake_core.scoring import ALERT_TYPE, RECOMMENDED_ACTION

KEPT: Final = 10_000  # the latest by event time; memory must not follow the events
_COLUMNS: Final = (
    *ORDER, SCORE, "machine_id", "event_source", "event_row", "sequence_number", "record_index",
)  # fmt: skip
Key = tuple[Any, ...]


@dataclass(slots=True)
class AlertStore:
    """The alerts of a lake."""

    count: int = 0
    score_sum: int = 0  # hundredths
    _heap: list[tuple[Key, int, dict[str, Any]]] = field(default_factory=list)

    def add(self, alerting: pl.DataFrame) -> None:
        """Take readings that raise an alert, each once."""
        self.score_sum += int(alerting[SCORE].sum())
        for row in alerting.select(_COLUMNS).iter_rows(named=True):
            self.count += 1
            # The count keeps the heap from ever comparing items.
            entry = (alert_order(row), self.count, alert_item(row))
            if len(self._heap) < KEPT:
                heapq.heappush(self._heap, entry)
            elif entry > self._heap[0]:
                heapq.heapreplace(self._heap, entry)

    def in_order(self) -> list[tuple[Key, dict[str, Any]]]:
        """Return those kept with their keys, the oldest first."""
        return [(key, item) for key, _, item in sorted(self._heap)]


def alert_order(row: dict[str, Any]) -> Key:
    """Return the place of an alert among all: no two have the same."""
    return (
        *order_of(row),
        row["event_source"] or "",
        row["sequence_number"],
        row["record_index"],
        row["machine_id"],  # two shards may use one sequence number
    )


def alert_item(row: dict[str, Any]) -> dict[str, Any]:
    """Return an alert as the API lists it."""
    return {
        "alert_type": ALERT_TYPE,
        "machine_id": row["machine_id"],
        "score": row[SCORE] / 100,
        "timestamp": text_of_microseconds(row["time"]),
        "recommended_action": RECOMMENDED_ACTION,
        "event_source": row["event_source"],
        "event_row": row["event_row"],
    }
