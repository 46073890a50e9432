"""Alerts: exact totals over all of them, and the latest ones as the API lists them."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from analytics_api.frames import ORDER, SCORE, TIME, order_of, ordered
from analytics_api.instants import text_of_microseconds
from lake_core.scoring import ALERT_TYPE, RECOMMENDED_ACTION

KEPT: Final = 10_000  # the latest by event time; memory must not follow the events
NEWS: Final = 1_000  # of a backlog nobody wants to be told
COLUMNS: Final = (
    TIME, SCORE, "machine_id", "event_source", "event_row", "sequence_number", "record_index",
)  # fmt: skip
Key = tuple[Any, ...]


@dataclass(slots=True)
class AlertStore:
    """The alerts of a lake."""

    count: int = 0
    score_sum: int = 0  # hundredths
    _heap: list[tuple[Key, int, dict[str, Any]]] = field(default_factory=list)
    _entries: int = 0
    _news: deque[tuple[str, dict[str, Any]]] = field(default_factory=lambda: deque(maxlen=NEWS))

    def add(self, alerting: pl.DataFrame) -> None:
        """Take readings that raise an alert, each once."""
        self.score_sum += int(alerting[SCORE].sum())
        self.count += alerting.height
        self.keep(alerting)
        news = alerting.tail(NEWS).select(COLUMNS)
        self._news += [(identity_of(row), alert_item(row)) for row in news.iter_rows(named=True)]

    def news(self) -> list[tuple[str, dict[str, Any]]]:
        """Return identities and items of what was counted since the last call, the latest only."""
        news = list(self._news)
        self._news.clear()
        return news

    def keep(self, alerting: pl.DataFrame) -> None:
        """Take readings that are counted already: the latest of all are listed."""
        if alerting.height > KEPT:
            alerting = alerting.filter(pl.col(TIME) >= alerting[TIME].top_k(KEPT).min())
        for row in ordered(alerting.select(COLUMNS)).iter_rows(named=True):
            self._entries += 1
            # The number keeps the heap from ever comparing items.
            entry = (alert_order(row), self._entries, alert_item(row))
            if len(self._heap) < KEPT:
                heapq.heappush(self._heap, entry)
            elif entry > self._heap[0]:
                heapq.heapreplace(self._heap, entry)

    def kept(self) -> list[dict[str, Any]]:
        """Return those kept as rows of `COLUMNS`, in any order."""
        return [_row_of(key, item) for key, _, item in self._heap]

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


def identity_of(row: dict[str, Any]) -> str:
    """Return what tells an alert from any other, whoever has counted it."""
    if row["event_source"] is None or row["event_row"] is None:
        return f"{row['sequence_number']}/{row['record_index']}/{row['machine_id']}"
    return f"{row['event_source']}/{row['event_row']}"


def _row_of(key: Key, item: dict[str, Any]) -> dict[str, Any]:
    place = len(ORDER) + 1  # where `alert_order` puts the sequence number
    return {
        TIME: key[0],
        SCORE: round(item["score"] * 100),
        "sequence_number": key[place],
        "record_index": key[place + 1],
        **{name: item[name] for name in ("machine_id", "event_source", "event_row")},
    }


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
