"""What is bought where, and how customers move between segments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from analytics_api.ecommerce import EcommerceState
from analytics_api.insights import ratio
from analytics_api.sums import Sums, merge, total
from lake_core.scoring import Segment

SHOWN: Final = 500  # cells, categories or channels, the greatest revenue first
_VALUE: Final = {Segment.STANDARD: 0, Segment.MEDIUM_VALUE: 1, Segment.HIGH_VALUE: 2}
Cell = tuple[str, str]


def mix(state: EcommerceState) -> dict[str, Any]:
    """Return purchases, revenue and mean value score by category and channel."""
    purchases, cents, _ = whole = total(state.mix.values(), 3)
    by_category = _grouped(state, lambda cell: cell[0])
    by_channel = _grouped(state, lambda cell: cell[1])
    return {
        "purchases": purchases,
        "revenue": cents / 100,
        "cells_total": len(state.mix),
        "cells": [
            {"category": category, "channel": channel, **_figures(sums, whole)}
            for (category, channel), sums in _greatest(state.mix)
        ],
        "categories": [
            {"category": name, **_figures(sums, whole)} for name, sums in _greatest(by_category)
        ],
        "channels": [
            {"channel": name, **_figures(sums, whole)} for name, sums in _greatest(by_channel)
        ],
    }


def segment_migration(state: EcommerceState) -> dict[str, Any]:
    """Return how many customers went from which segment (first purchase) to which (latest)."""
    customers = state.customers.values()
    moves = Counter((one.first_segment, one.segment) for one in customers)
    steps = {
        (before, after): _VALUE[after] - _VALUE[before] for before in Segment for after in Segment
    }
    return {
        "customers": len(customers),
        "customers_with_one_purchase": sum(one.purchases == 1 for one in customers),
        "moved_up": sum(count for move, count in moves.items() if steps[_move(move)] > 0),
        "moved_down": sum(count for move, count in moves.items() if steps[_move(move)] < 0),
        "stayed": sum(count for move, count in moves.items() if steps[_move(move)] == 0),
        "matrix": {
            before.value: {after.value: moves[before, after] for after in Segment}
            for before in Segment
        },
    }


def _move(move: Cell) -> tuple[Segment, Segment]:
    return Segment(move[0]), Segment(move[1])


def _grouped(state: EcommerceState, name_of: Callable[[Cell], str]) -> dict[str, Sums]:
    groups: dict[str, Sums] = {}
    for cell, sums in state.mix.items():
        merge(groups, name_of(cell), sums)
    return groups


def _greatest(groups: dict[Any, Sums]) -> list[tuple[Any, Sums]]:
    """Return those with the greatest revenue, the greatest first."""
    return sorted(groups.items(), key=lambda one: (-one[1][1], one[0]))[:SHOWN]


def _figures(sums: Sums, whole: Sums) -> dict[str, Any]:
    purchases, cents, scores = sums
    return {
        "purchases": purchases,
        "share_of_purchases": ratio(purchases, whole[0]),
        "revenue": cents / 100,
        "share_of_revenue": ratio(cents, whole[1]),
        "average_customer_value_score": ratio(scores, purchases * 100),
    }
