"""Sums of whole numbers by key: added in any order, the result is the same."""

from __future__ import annotations

from collections.abc import Iterable
from operator import add
from typing import Any, TypeVar

K = TypeVar("K")
Sums = tuple[int, ...]


def merge(buckets: dict[K, Sums], key: K, sums: Sums) -> None:
    """Add to what is known of a key."""
    held = buckets.get(key)
    buckets[key] = sums if held is None else tuple(map(add, held, sums))


def merge_rows(buckets: dict[Any, Sums], rows: Iterable[tuple[Any, ...]], keys: int = 1) -> None:
    """Add rows that begin with that many key columns; a key of one column stands by itself."""
    for row in rows:
        merge(buckets, row[0] if keys == 1 else row[:keys], row[keys:])


def total(buckets: Iterable[Sums], width: int) -> Sums:
    """Return the sum over all, column by column; zeros over nothing."""
    columns = list(zip(*buckets, strict=True))
    return tuple(sum(column) for column in columns) if columns else (0,) * width


def drop_before(buckets: dict[int, Any], first: int) -> None:
    """Drop what lies before a key."""
    for start in [start for start in buckets if start < first]:
        del buckets[start]
