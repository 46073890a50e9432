"""The rule set: thresholds and weights as data, with a version stored beside every score."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from lake_core.errors import SettingsError
from lake_core.names import Domain


@dataclass(frozen=True, slots=True)
class Term:
    """One summand of a score: `weight · column / divisor`."""

    column: str
    weight: str  # decimal text, so that 0.15 is 15/100 and not a binary neighbour of it
    divisor: int

    @property
    def coefficient(self) -> Fraction:
        """The exact factor of one unit of the column."""
        return Fraction(self.weight) / self.divisor


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Scores are hundredths (int) wherever they are compared or summed."""

    name: str
    version: int
    scores: dict[Domain, tuple[Term, ...]]
    alert_at_least: int  # hundredths
    high_value_above: int  # hundredths
    medium_value_above: int  # hundredths
    high_risk_above: int  # hundredths, of an unrounded mean
    medium_risk_above: int  # hundredths, of an unrounded mean

    @property
    def scoring_version(self) -> str:
        """What is stored beside every score."""
        return f"{self.name}-{self.version}"


_SCORES: Final[dict[Domain, tuple[Term, ...]]] = {
    Domain.MANUFACTURING: (
        Term("temperature", "0.3", 100),
        Term("vibration", "0.25", 10),
        Term("anomaly_flag", "0.15", 1),
        Term("downtime_risk", "0.3", 1),
    ),
    Domain.ECOMMERCE: (
        Term("purchase_amount", "0.4", 1000),
        Term("frequency_of_purchase", "0.3", 10),
        Term("brand_loyalty", "0.15", 10),
        Term("customer_satisfaction", "0.15", 10),
    ),
}


def _rule_set(name: str, alert_at_least: int) -> RuleSet:
    return RuleSet(
        name=name,
        version=1,
        scores=_SCORES,
        alert_at_least=alert_at_least,
        high_value_above=60,
        medium_value_above=40,
        high_risk_above=160,
        medium_risk_above=150,
    )


# 2.68: about 30 alerts per 1,440 readings, all of them anomalous.
DEFAULT: Final = _rule_set("default", alert_at_least=268)
# The original system's rule, score > 0.7, fires on 98 % of readings.
ORIGINAL: Final = _rule_set("original", alert_at_least=71)
RULE_SETS: Final = {rules.name: rules for rules in (DEFAULT, ORIGINAL)}


def rule_set(name: str) -> RuleSet:
    """Return the rule set of that name.

    Raises:
        SettingsError: there is none; the message lists those there are.
    """
    try:
        return RULE_SETS[name]
    except KeyError:
        raise SettingsError(
            f"no rule set {name!r}; there are: {', '.join(sorted(RULE_SETS))}"
        ) from None
