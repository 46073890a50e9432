"""Both domains side by side, a line a day of event time, and whether they have to do with another.

What goes together is asked of four pairs, named beforehand: the more pairs one tries, the more of
them look related by chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from analytics_api.correlation import correlation
from analytics_api.frames import DAY_MICROSECONDS, HISTORY_DAYS
from analytics_api.insights import ratio
from analytics_api.instants import EPOCH, text_of_microseconds
from analytics_api.sums import Sums
from lake_core.names import Domain
from lake_core.scoring import MAX_EFFICIENCY, MICRO

DEFAULT_DAYS: Final = 90
MAX_DAYS: Final = HISTORY_DAYS
PAIRS: Final = (
    ("average_machine_efficiency", "customer_satisfaction_index"),
    ("average_maintenance_priority", "customer_satisfaction_index"),
    ("average_maintenance_priority", "revenue"),
    ("anomalies", "revenue"),
)
Days = Mapping[Domain, Mapping[int, Sums]]  # day since 1970 → sums, as the states keep them


class Window(StrEnum):
    """Up to which day the last days are counted."""

    COMMON = "common"  # the newest event of both domains
    OWN = "own"  # each domain its newest event: replayed files may lie years apart


def trend(days: Days, count: int = DEFAULT_DAYS, window: Window = Window.COMMON) -> dict[str, Any]:
    """Return the last `count` days of the window; days without an event are left out."""
    newest = {domain: max(of_domain) for domain, of_domain in days.items() if of_domain}
    last = max(newest.values(), default=0)
    if window is Window.COMMON:
        newest = dict.fromkeys(newest, last)
    within = {
        domain: {day: sums for day, sums in days[domain].items() if day > newest[domain] - count}
        if domain in newest
        else {}
        for domain in days
    }
    lines = [_line(day, within) for day in sorted({day for one in within.values() for day in one})]
    first = min(newest.values(), default=0) - count + 1
    return {
        "first_day": _text(first) if newest else None,
        "last_day": _text(last) if newest else None,
        "days": lines,
        "correlations": [_correlation(lines, *pair) for pair in PAIRS],
    }


def _line(day: int, days: Days) -> dict[str, Any]:
    readings = days[Domain.MANUFACTURING].get(day)
    purchases = days[Domain.ECOMMERCE].get(day)
    return {
        "day": _text(day),
        "manufacturing": None if readings is None else _readings(*readings),
        "ecommerce": None if purchases is None else _purchases(*purchases),
    }


def _readings(
    readings: int, scores: int, efficiency: int, alerts: int, anomalies: int
) -> dict[str, Any]:
    return {
        "readings": readings,
        "average_maintenance_priority": ratio(scores, readings * 100),
        "average_machine_efficiency": ratio(efficiency, readings * MAX_EFFICIENCY * MICRO),
        "alerts": alerts,
        "anomalies": anomalies,
    }


def _purchases(purchases: int, cents: int, scores: int, satisfaction: int) -> dict[str, Any]:
    return {
        "purchases": purchases,
        "revenue": cents / 100,
        "average_customer_value_score": ratio(scores, purchases * 100),
        "customer_satisfaction_index": ratio(satisfaction, purchases),
    }


def _correlation(lines: list[dict[str, Any]], one: str, other: str) -> dict[str, Any]:
    pairs = [
        (line["manufacturing"][one], line["ecommerce"][other])
        for line in lines
        if line["manufacturing"] and line["ecommerce"]
    ]
    return {"manufacturing": one, "ecommerce": other, **correlation(pairs)}


def _text(day: int) -> str:
    whole = text_of_microseconds(day * DAY_MICROSECONDS)
    return whole[: len(EPOCH.date().isoformat())]
