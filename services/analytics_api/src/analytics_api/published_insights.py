"""The insights as the analytics tasks publish them: what they say, and what they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from analytics_api.contents import INSIGHTS, days_of, further_insights
from analytics_api.current import Current
from analytics_api.domain_lake import DomainLake
from analytics_api.insights import cross_domain_insights, insights_of
from analytics_api.trend import trend
from lake_core.names import Domain
from lake_core.rules import RuleSet


def domain_insights(current: Current, lake: DomainLake, rules: RuleSet) -> bytes:
    """Return the content of a domain's `insights/<version>.json`."""
    insights = insights_of(lake, rules)
    further = further_insights(lake, rules) if insights else {}
    named = {path.removeprefix(INSIGHTS).replace("-", "_"): said for path, said in further.items()}
    return _content(current, {lake.domain: lake}, {"insights": insights, **named})


def integrated_insights(
    current: Current, lakes: Mapping[Domain, DomainLake], rules: RuleSet
) -> bytes:
    """Return the content of `analytics/integrated/insights/<version>.json`.

    Across the domains there is nothing to say until both have data: null.
    """
    manufacturing, ecommerce = (insights_of(lakes[domain], rules) for domain in Domain)
    both = cross_domain_insights(manufacturing, ecommerce) if manufacturing and ecommerce else None
    said = {
        "cross_domain_insights": both,
        "manufacturing": manufacturing,
        "ecommerce": ecommerce,
        "trend": trend(days_of(lakes)),
    }
    return _content(current, lakes, said)


def _content(current: Current, lakes: Mapping[Domain, DomainLake], said: dict[str, Any]) -> bytes:
    made = {
        "version": current.version,
        "made_at": current.made_at,
        "made_from": [_made_from(current, lake) for lake in lakes.values()],
        "scoring_version": current.scoring_version,
        "code_version": current.code_version,
        "run_id": current.run_id,
        **said,
    }
    return msgspec.json.format(msgspec.json.encode(made))


def _made_from(current: Current, lake: DomainLake) -> dict[str, Any]:
    (table,) = (one for one in current.inputs if one.domain == lake.domain)
    published = lake.published
    chains = published.chains if published else ()
    return {
        **msgspec.to_builtins(table),
        "positions": [
            {"incarnation": one.incarnation, "shard": one.shard, "last": one.last} for one in chains
        ],
        "set_aside": msgspec.to_builtins(published.set_aside) if published else [],
    }
