"""The insights: contract section 4's formulas over the aggregated states.

Every mean is a division of whole numbers, made last; the mean of nothing is null.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from analytics_api.domain_lake import DomainLake
from analytics_api.ecommerce import EcommerceState
from analytics_api.manufacturing import ManufacturingState
from analytics_api.sums import Sums, merge
from lake_core.rules import RuleSet
from lake_core.scoring import MAX_EFFICIENCY, MICRO, Risk, Segment


def ratio(top: int, bottom: int) -> float | None:
    """Return `top / bottom`, or None over nothing."""
    return top / bottom if bottom else None


def insights_of(lake: DomainLake, rules: RuleSet) -> dict[str, Any] | None:
    """Return a domain's insights; None while it has no usable event."""
    state = lake.state
    if isinstance(state, ManufacturingState):
        return manufacturing_insights(lake, state, rules) if state.machines else None
    return ecommerce_insights(lake, state, rules) if state.customers else None


def manufacturing_insights(
    lake: DomainLake, state: ManufacturingState, rules: RuleSet
) -> dict[str, Any]:
    """Return the manufacturing insights."""
    machines = state.machines.values()
    risks = Counter(machine.risk(rules) for machine in machines)
    return {
        "total_machines_analyzed": len(machines),
        "high_risk_machines": risks[Risk.HIGH],
        "medium_risk_machines": risks[Risk.MEDIUM],
        "low_risk_machines": risks[Risk.LOW],
        "records_analyzed": state.readings,
        "average_maintenance_priority": ratio(state.score_sum, state.readings * 100),
        "high_priority_alerts": state.alerts.count,
        "average_alert_score": ratio(state.alerts.score_sum, state.alerts.count * 100),
        "predicted_maintenance_events": sum(machine.needs_maintenance for machine in machines),
        "average_machine_efficiency": ratio(
            state.efficiency_sum, state.readings * MAX_EFFICIENCY * MICRO
        ),
        "data_quality_score": lake.quality,
        "scoring_version": rules.scoring_version,
    }


def ecommerce_insights(lake: DomainLake, state: EcommerceState, rules: RuleSet) -> dict[str, Any]:
    """Return the e-commerce insights."""
    customers = state.customers.values()
    categories, channels = _by_category(state), _by_channel(state)
    segments = Counter(customer.segment for customer in customers)
    return {
        "total_customers_analyzed": len(customers),
        "high_value_customers": segments[Segment.HIGH_VALUE],
        "medium_value_customers": segments[Segment.MEDIUM_VALUE],
        "standard_customers": segments[Segment.STANDARD],
        "average_customer_value_score": ratio(
            sum(customer.score for customer in customers), len(customers) * 100
        ),
        "average_purchase_amount": ratio(state.amount_cents, state.purchases * 100),
        "most_popular_category": _most_popular(categories),
        "highest_value_purchase_channel": _most_valuable(channels),
        "customer_satisfaction_index": ratio(state.satisfaction_sum, state.purchases),
        "data_quality_score": lake.quality,
        "scoring_version": rules.scoring_version,
    }


def _by_category(state: EcommerceState) -> dict[str, int]:
    """Return the purchases of each category."""
    counts: dict[str, Sums] = {}
    for (category, _), (purchases, _, _) in state.mix.items():
        merge(counts, category, (purchases,))
    return {category: purchases for category, (purchases,) in counts.items()}


def _by_channel(state: EcommerceState) -> dict[str, Sums]:
    """Return the sum of scores (hundredths) and the purchases of each channel."""
    sums: dict[str, Sums] = {}
    for (_, channel), (purchases, _, scores) in state.mix.items():
        merge(sums, channel, (scores, purchases))
    return sums


def _most_popular(counts: dict[str, int]) -> str | None:
    """Return the most frequent name; of equals the first in code-point order."""
    return min(counts, key=lambda name: (-counts[name], name), default=None)


def _most_valuable(channels: dict[str, Sums]) -> str | None:
    """Return the name with the highest mean; of equals the first in code-point order."""
    best: str | None = None
    for name in sorted(channels):
        total, count = channels[name]
        # a/b > c/d for positive denominators, without a rounded division
        if best is None or total * channels[best][1] > channels[best][0] * count:
            best = name
    return best


def cross_domain_insights(
    manufacturing: dict[str, Any], ecommerce: dict[str, Any]
) -> dict[str, Any]:
    """Return what the two domains say together."""
    efficiency = manufacturing["average_machine_efficiency"]
    satisfaction = ecommerce["customer_satisfaction_index"]
    calm = 1 - manufacturing["high_risk_machines"] / manufacturing["total_machines_analyzed"]
    valuable = ecommerce["high_value_customers"] / ecommerce["total_customers_analyzed"]
    qualities = (manufacturing["data_quality_score"], ecommerce["data_quality_score"])
    return {
        "operational_excellence_score": 0.6 * efficiency + 0.4 * satisfaction / 10,
        "business_health_index": 0.5 * calm + 0.5 * valuable,
        "data_quality_composite": sum(qualities) / 2,
    }
