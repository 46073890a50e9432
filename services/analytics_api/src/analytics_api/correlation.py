"""How two daily series go together: Pearson's r with its uncertainty, and a plain verdict.

The interval is Fisher's: atanh r is nearly normal with standard error 1 / √(n − 3), for independent
days. An interval that holds 0 is called noise, whatever r looks like.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import atanh, fsum, sqrt, tanh
from typing import Any, Final

MIN_DAYS: Final = 10  # fewer leave an interval that says nothing
NORMAL_95: Final = 1.959963984540054  # quantile of the normal distribution at 97.5 %
VERDICTS: Final = ((0.3, "weak"), (0.5, "moderate"))  # up to that |r|; "strong" beyond


def correlation(pairs: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Return r, its 95 % interval and a verdict over pairs of values; null with the reason."""
    days = len(pairs)
    if days < MIN_DAYS:
        return _none(days, f"{days} common day{'s' * (days != 1)}; at least {MIN_DAYS} are needed")
    spreads = [_deviations([pair[side] for pair in pairs]) for side in (0, 1)]
    sizes = [fsum(one * one for one in spread) for spread in spreads]
    if not all(sizes):
        return _none(days, "one of the two is the same every day")
    products = fsum(one * other for one, other in zip(*spreads, strict=True))
    r = max(-1.0, min(1.0, products / sqrt(sizes[0] * sizes[1])))
    low, high = interval(r, days)
    return {
        "days": days,
        "r": r,
        "interval_95": [low, high],
        "verdict": _verdict(r, low, high),
        "reason": None,
    }


def interval(r: float, days: int) -> tuple[float, float]:
    """Return Fisher's 95 % interval of a correlation over so many independent days."""
    if abs(r) == 1.0:
        return r, r
    reach = NORMAL_95 / sqrt(days - 3)
    return tanh(atanh(r) - reach), tanh(atanh(r) + reach)


def _deviations(values: Sequence[float]) -> list[float]:
    if min(values) == max(values):
        return [0.0] * len(values)  # the mean of equal values need not equal them
    mean = fsum(values) / len(values)
    return [value - mean for value in values]


def _verdict(r: float, low: float, high: float) -> str:
    if low <= 0 <= high:
        return "noise"
    return next((name for up_to, name in VERDICTS if abs(r) < up_to), "strong")


def _none(days: int, reason: str) -> dict[str, Any]:
    return {"days": days, "r": None, "interval_95": None, "verdict": None, "reason": reason}
