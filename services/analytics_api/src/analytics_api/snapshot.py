"""What requests are answered from: made by the follower's thread, never changed afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from analytics_api.alerts import alert_order
from analytics_api.domain_lake import DomainLake, ZoneSize
from analytics_api.ecommerce import EcommerceState
from analytics_api.entities import (
    alert_item,
    customer_item,
    machine_history,
    machine_item,
)
from analytics_api.follower import Follower
from analytics_api.insights import (
    cross_domain_insights,
    ecommerce_insights,
    manufacturing_insights,
    ratio,
)
from analytics_api.manufacturing import ManufacturingState
from analytics_api.metrics import lake_metrics
from analytics_api.prepared import Prepared, freshness_of, prepare
from lake_core.names import Domain
from lake_core.rules import RuleSet

INSIGHTS = "/v1/insights/"
ZONES = ("raw", "processed", "quarantine", "analytics")


@dataclass(slots=True)
class Snapshot:
    """Answers by path, and what lists are made of."""

    prepared: dict[str, Prepared] = field(default_factory=dict)
    missing: list[str] = field(default_factory=lambda: ["the lake has not been looked at yet"])
    machines: dict[int, dict[str, Any]] = field(default_factory=dict)
    histories: dict[int, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    alerts: list[tuple[tuple[Any, ...], dict[str, Any]]] = field(
        default_factory=list
    )  # newest first
    freshness: dict[str, Any] = field(default_factory=dict)
    metrics: str = ""


class SnapshotMaker:
    """Makes snapshots of a follower; what has not changed is not made again."""

    def __init__(self, follower: Follower, rules: RuleSet) -> None:
        self._follower = follower
        self._rules = rules
        self._contents: dict[str, dict[str, Any]] = {}
        self._last = Snapshot()
        self._alerts_seen = 0

    def make(self, now: float, *, changed: bool) -> Snapshot:
        """Return a snapshot at `now`, in seconds since 1970."""
        if changed or not self._contents:
            self._last = self._entities()
            self._contents = self._insights()
            self._last.prepared["/v1/lake"] = prepare(self._lake())
            self._last.prepared["/v1/lake/integrity"] = prepare(self._integrity())
        made = Snapshot(
            dict(self._last.prepared), self._missing(), self._last.machines,
            self._last.histories, self._last.customers, self._last.alerts,
        )  # fmt: skip
        for path, content in self._contents.items():
            through = self._through(path)
            made.prepared[path] = prepare(content, freshness_of(through, now))
        made.metrics = lake_metrics(self._follower)
        made.freshness = freshness_of(self._through(INSIGHTS), now)
        return made

    def _entities(self) -> Snapshot:
        """Make the items of what has changed; the others are taken from the last snapshot."""
        last = self._last
        made = Snapshot(
            machines=dict(last.machines), histories=dict(last.histories),
            customers=dict(last.customers), alerts=last.alerts,
        )  # fmt: skip
        for domain in self._follower.domains.values():
            if isinstance(domain.state, ManufacturingState):
                self._renew_machines(made, domain.state)
            else:
                for number in domain.state.changed:
                    made.customers[number] = customer_item(domain.state.customers[number])
            domain.state.changed.clear()
        return made

    def _renew_machines(self, made: Snapshot, state: ManufacturingState) -> None:
        for number in state.changed:
            made.machines[number] = machine_item(state.machines[number], self._rules)
            made.histories[number] = machine_history(state.machines[number])
        if state.alerts.count != self._alerts_seen:
            rows = state.alerts.newest_first()
            made.alerts = [(alert_order(row), alert_item(row)) for row in rows]
            self._alerts_seen = state.alerts.count

    def _insights(self) -> dict[str, dict[str, Any]]:
        made: dict[str, dict[str, Any]] = {}
        for name, domain in self._follower.domains.items():
            state = domain.state
            if isinstance(state, ManufacturingState) and state.machines:
                made[INSIGHTS + name] = manufacturing_insights(domain, state, self._rules)
            elif isinstance(state, EcommerceState) and state.customers:
                made[INSIGHTS + name] = ecommerce_insights(domain, state, self._rules)
        if len(made) == len(Domain):
            parts = {name.value: made[INSIGHTS + name] for name in Domain}
            scores = cross_domain_insights(**parts)
            made[INSIGHTS + "integrated"] = {"cross_domain_insights": scores, **parts}
        return made

    def _through(self, path: str) -> int | None:
        name = path.removeprefix(INSIGHTS)
        domains = self._follower.domains
        chosen = [domains[Domain(name)]] if name in set(Domain) else list(domains.values())
        through = [domain.data_through for domain in chosen]
        known = [moment for moment in through if moment is not None]
        return min(known) if len(known) == len(through) else None

    def _missing(self) -> list[str]:
        missing = [
            f"no usable {name} data yet: is its processor running, and something sent?"
            for name in self._follower.domains
            if INSIGHTS + name not in self._contents
        ]
        if self._follower.problem:
            missing.append(self._follower.problem)
        for domain in self._follower.domains.values():
            missing += [
                why for shard in domain.shards.values() for why in shard.unreadable.values()
            ]
        return missing

    def _lake(self) -> dict[str, Any]:
        domains = self._follower.domains.items()
        zones: dict[str, Any] = {
            zone: {
                name: _size(self._follower.sizes.get((zone, name), ZoneSize()))
                for name, _ in domains
            }
            for zone in ZONES
            if zone != "processed"
        }
        zones["processed"] = {name: _processed(domain) for name, domain in domains}
        return {"zones": {zone: zones[zone] for zone in ZONES}}

    def _integrity(self) -> dict[str, Any]:
        shards = [
            proof.answer()
            for domain in self._follower.domains.values()
            for _, proof in sorted(domain.shards.items())
        ]
        # Of an empty lake nothing is proven.
        verified = bool(shards) and all(shard["verified"] for shard in shards)
        return {"verified": verified, "shards": shards}


def _size(size: ZoneSize) -> dict[str, Any]:
    return {"objects": size.objects, "bytes": size.bytes}


def _processed(domain: DomainLake) -> dict[str, Any]:
    size = domain.processed
    return {
        "objects": size.objects,
        "bytes": size.bytes,
        "rows": domain.rows,
        "unusable_entries": domain.unusable,
        "bytes_per_row": ratio(size.bytes, domain.rows),
        "payload_bytes": domain.payload_bytes,
        "stream_bytes": domain.stream_bytes,
        "compression_ratio": ratio(domain.payload_bytes, size.bytes),
    }
