"""The insights by path, as they are prepared after each change: what they say, of which domains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from analytics_api.completeness import completeness
from analytics_api.domain_lake import DomainLake
from analytics_api.ecommerce import EcommerceState
from analytics_api.insights import cross_domain_insights, insights_of
from analytics_api.manufacturing import ManufacturingState
from analytics_api.purchase_insights import mix, segment_migration
from analytics_api.risk_drivers import risk_drivers
from analytics_api.trend import Days, trend
from lake_core.names import Domain
from lake_core.rules import RuleSet

INSIGHTS: Final = "/v1/insights/"
TREND: Final = INSIGHTS + "trend"
COMPLETENESS: Final = INSIGHTS + "completeness"
RISK_DRIVERS: Final = INSIGHTS + "risk-drivers"
SEGMENT_MIGRATION: Final = INSIGHTS + "segment-migration"
MIX: Final = INSIGHTS + "mix"
_OF_ONE: Final = {
    INSIGHTS + Domain.MANUFACTURING: Domain.MANUFACTURING,
    INSIGHTS + Domain.ECOMMERCE: Domain.ECOMMERCE,
    RISK_DRIVERS: Domain.MANUFACTURING,
    SEGMENT_MIGRATION: Domain.ECOMMERCE,
    MIX: Domain.ECOMMERCE,
}
# Whose answers depend on parameters: prepared without any.
WITH_PARAMETERS: Final = frozenset({TREND})


def domains_of(path: str) -> tuple[Domain, ...]:
    """Return which domains an insight is made from."""
    return (_OF_ONE[path],) if path in _OF_ONE else tuple(Domain)


def contents(lakes: Mapping[Domain, DomainLake], rules: RuleSet) -> dict[str, dict[str, Any]]:
    """Return each insight there are data for."""
    made: dict[str, dict[str, Any]] = {}
    for name, lake in lakes.items():
        insights = insights_of(lake, rules)
        if insights is not None:
            made[INSIGHTS + name] = insights
            made.update(further_insights(lake, rules))
    if made:
        made[TREND] = trend(days_of(lakes))
    if all(INSIGHTS + name in made for name in Domain):
        parts = {name.value: made[INSIGHTS + name] for name in Domain}
        scores = cross_domain_insights(**parts)
        made[INSIGHTS + "integrated"] = {"cross_domain_insights": scores, **parts}
    made[COMPLETENESS] = {"domains": {name: completeness(lake) for name, lake in lakes.items()}}
    return made


def further_insights(lake: DomainLake, rules: RuleSet) -> dict[str, dict[str, Any]]:
    """Return what one domain says beyond its figures, by path."""
    state = lake.state
    if isinstance(state, ManufacturingState):
        return {RISK_DRIVERS: risk_drivers(state, rules)}
    return {SEGMENT_MIGRATION: segment_migration(state), MIX: mix(state)}


def days_of(lakes: Mapping[Domain, DomainLake]) -> Days:
    """Return the daily sums of both domains; a copy, for the follower's thread goes on."""
    states: dict[Domain, ManufacturingState | EcommerceState] = {
        domain: lake.state for domain, lake in lakes.items()
    }
    return {domain: dict(state.days) for domain, state in states.items()}
