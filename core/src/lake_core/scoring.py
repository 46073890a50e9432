"""Scores, segments and risks (contract section 4), exact: hundredths as integers.

This is the reference, one event at a time. `arrow.py` computes the same over columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from fractions import Fraction
from functools import cache
from math import lcm
from typing import Final

from lake_core.events import Event
from lake_core.names import Domain
from lake_core.rules import RuleSet, Term

ALERT_TYPE: Final = "HIGH_MAINTENANCE_PRIORITY"
RECOMMENDED_ACTION: Final = "Schedule maintenance within 24 hours"
MAX_EFFICIENCY: Final = 500
MICRO: Final = 1_000_000  # efficiencies are summed as whole millionths


class Segment(StrEnum):
    """What a customer is worth, by the rounded score."""

    HIGH_VALUE = "HIGH_VALUE"
    MEDIUM_VALUE = "MEDIUM_VALUE"
    STANDARD = "STANDARD"


class Risk(StrEnum):
    """How a machine does, by its mean score over the last 24 h of event time."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@cache
def integer_weights(terms: tuple[Term, ...]) -> tuple[dict[str, int], int]:
    """Return `({column: factor}, unit)`: the score in hundredths is Σ factor·hundredths / unit.

    The factors apply to the columns as integers of hundredths.
    """
    unit = lcm(*(term.coefficient.denominator for term in terms))
    return {term.column: int(term.coefficient * unit) for term in terms}, unit


def score(domain: Domain, event: Event, rules: RuleSet) -> int:
    """Return the event's score in hundredths, rounded half-even from the decimal values."""
    inputs = {term.column: getattr(event, term.column) for term in rules.scores[domain]}
    return score_of(domain, inputs, rules)


def score_of(domain: Domain, inputs: Mapping[str, float], rules: RuleSet) -> int:
    """Return the score in hundredths of the columns that it is made of."""
    factors, unit = integer_weights(rules.scores[domain])
    total: int | Fraction = 0
    for column, factor in factors.items():
        total += factor * hundredths(inputs[column])
    return divide_half_even(total, unit)


def hundredths(value: float) -> int | Fraction:
    """Return `100 · value` exactly, the value being the decimal that its shortest text shows."""
    nearest = round(value * 100)
    if nearest / 100 == value:
        return nearest
    return Fraction(repr(value)) * 100


def divide_half_even(total: int | Fraction, unit: int) -> int:
    """Return `total / unit` rounded to the nearest integer, ties to the even one."""
    return round(Fraction(total) / unit)


def segment(score_hundredths: int, rules: RuleSet) -> Segment:
    """Return the customer segment of a rounded score."""
    if score_hundredths > rules.high_value_above:
        return Segment.HIGH_VALUE
    if score_hundredths > rules.medium_value_above:
        return Segment.MEDIUM_VALUE
    return Segment.STANDARD


def risk(total_hundredths: int, count: int, rules: RuleSet) -> Risk:
    """Return the risk of a machine whose window holds `count` scores of that sum.

    The mean is not rounded: the comparison is of integers.
    """
    if total_hundredths > rules.high_risk_above * count:
        return Risk.HIGH
    if total_hundredths > rules.medium_risk_above * count:
        return Risk.MEDIUM
    return Risk.LOW


def is_alert(score_hundredths: int, rules: RuleSet) -> bool:
    """Whether a reading of this score raises an alert."""
    return score_hundredths >= rules.alert_at_least


def machine_efficiency_micro(predicted_remaining_life: int, energy_consumption: float) -> int:
    """Return `life / energy` clamped to 0..500 in whole millionths; 0 where energy <= 0."""
    if energy_consumption <= 0:
        return 0
    ratio = Fraction(predicted_remaining_life * 100) / Fraction(hundredths(energy_consumption))
    return min(round(ratio * MICRO), MAX_EFFICIENCY * MICRO)
