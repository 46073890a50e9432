"""What requests are answered from: made by the follower's thread, never changed afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from analytics_api.contents import COMPLETENESS, INSIGHTS, contents, days_of, domains_of
from analytics_api.domain_lake import DomainLake
from analytics_api.ecommerce import EcommerceState
from analytics_api.entities import customer_item, machine_history, machine_item
from analytics_api.follower import Follower
from analytics_api.insights import ratio
from analytics_api.manufacturing import ManufacturingState
from analytics_api.metrics import lake_metrics
from analytics_api.orders import CUSTOMER_KEYS, MACHINE_KEYS, Orders, Placed
from analytics_api.prepared import Prepared, freshness_of, prepare
from analytics_api.trend import Days
from analytics_api.zones import ZoneSize
from lake_core.names import Domain
from lake_core.rules import RuleSet

ZONES = ("raw", "processed", "quarantine", "analytics")
S3_GB_MONTH_USD = 0.023  # S3 Standard's list price, first 50 TB, us-east-1 (docs/cost.md)
GB = 1024**3  # as S3 bills it


Lists = Mapping[str, Mapping[str | None, Placed]]


@dataclass(slots=True)
class Snapshot:
    """Answers by path, and what lists are made of."""

    prepared: dict[str, Prepared] = field(default_factory=dict)
    missing: list[str] = field(default_factory=lambda: ["the lake has not been looked at yet"])
    machines: dict[int, dict[str, Any]] = field(default_factory=dict)
    histories: dict[int, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    machine_lists: Lists = field(default_factory=dict)  # by order and risk
    customer_lists: Lists = field(default_factory=dict)  # by order and segment
    alerts: Placed = field(default_factory=list)  # the oldest first
    days: Days = field(default_factory=dict)
    freshness: dict[str, Any] = field(default_factory=dict)
    metrics: str = ""
    notes: list[str] = field(default_factory=list)


class SnapshotMaker:
    """Makes snapshots of a follower; what has not changed is not made again."""

    def __init__(self, follower: Follower, rules: RuleSet) -> None:
        self._follower = follower
        self._rules = rules
        self._contents: dict[str, dict[str, Any]] = {}
        self._last = Snapshot()
        self._alerts_seen = 0
        self._machines = Orders(MACHINE_KEYS, "risk")
        self._customers = Orders(CUSTOMER_KEYS, "segment")

    def make(self, now: float, *, changed: bool) -> Snapshot:
        """Return a snapshot at `now`, in seconds since 1970."""
        if changed or not self._contents:
            self._last = self._entities()
            self._contents = contents(self._follower.domains, self._rules)
            self._last.days = days_of(self._follower.domains)
            self._last.prepared["/v1/lake"] = prepare(self._lake())
            self._last.prepared["/v1/lake/integrity"] = prepare(self._integrity())
        made = replace(
            self._last,
            prepared=dict(self._last.prepared),
            missing=self._missing(),
            notes=self._follower.notes,
            metrics=lake_metrics(self._follower),
            freshness=self._freshness(tuple(Domain), now),
        )
        for path, content in self._contents.items():
            made.prepared[path] = self._prepared(path, content, now)
        return made

    def _entities(self) -> Snapshot:
        """Make the items of what has changed; the others are taken from the last snapshot."""
        last = self._last
        made = Snapshot(
            machines=last.machines, histories=last.histories, customers=last.customers,
            alerts=last.alerts,
        )  # fmt: skip
        for domain in self._follower.domains.values():
            if isinstance(domain.state, ManufacturingState):
                self._renew_machines(made, domain.state)
            else:
                self._renew_customers(made, domain.state)
            domain.state.changed.clear()
        made.machine_lists, made.customer_lists = self._machines.lists(), self._customers.lists()
        return made

    def _renew_machines(self, made: Snapshot, state: ManufacturingState) -> None:
        if not state.changed:
            return
        changed = [state.machines[number] for number in state.changed]
        new = {machine.machine_id: machine_item(machine, self._rules) for machine in changed}
        self._machines.renew([made.machines[n] for n in new if n in made.machines], [*new.values()])
        made.machines = {**made.machines, **new}
        histories = {machine.machine_id: machine_history(machine) for machine in changed}
        made.histories = {**made.histories, **histories}
        if state.alerts.count != self._alerts_seen:
            made.alerts = state.alerts.in_order()
            self._alerts_seen = state.alerts.count

    def _renew_customers(self, made: Snapshot, state: EcommerceState) -> None:
        if not state.changed:
            return
        new = {number: customer_item(state.customers[number]) for number in state.changed}
        old = [made.customers[number] for number in new if number in made.customers]
        self._customers.renew(old, [*new.values()])
        made.customers = {**made.customers, **new}

    def _freshness(self, of: tuple[Domain, ...], now: float) -> dict[str, Any]:
        chosen = [self._follower.domains[domain] for domain in of]
        through = [domain.data_through for domain in chosen]
        known = [moment for moment in through if moment is not None]
        used = {source for domain in chosen for source in domain.sources}
        return freshness_of(
            min(known) if len(known) == len(through) else None,
            now,
            sorted(used),
        )

    def _prepared(self, path: str, content: dict[str, Any], now: float) -> Prepared:
        freshness = self._freshness(domains_of(path), now)
        if path == COMPLETENESS:
            freshness["by_domain"] = {name: self._freshness((name,), now) for name in Domain}
        return prepare(content, freshness)

    def _missing(self) -> list[str]:
        missing = [
            f"no usable {name} data yet: is its processor running, and something sent?"
            for name in self._follower.domains
            if INSIGHTS + name not in self._contents
        ]
        if missing or not self._follower.caught_up:
            missing += self._follower.notes
        if self._follower.problem:
            missing.append(self._follower.problem)
        elif not self._follower.caught_up:
            left = sum(domain.waiting for domain in self._follower.domains.values())
            missing.append(f"the lake is being read: {left} objects are known and not counted yet")
        for domain in self._follower.domains.values():
            missing += [
                why for shard in domain.shards.values() for why in shard.unreadable.values()
            ]
        return missing

    def _lake(self) -> dict[str, Any]:
        """Return each zone's size, and what all cost a month at S3 Standard's list price."""
        domains = self._follower.domains.items()
        zones: dict[str, Any] = {
            zone: {
                name: _size(self._follower.zones.sizes.get((zone, name), ZoneSize()))
                for name, _ in domains
            }
            for zone in ZONES
            if zone != "processed"
        }
        zones["processed"] = {name: _processed(domain) for name, domain in domains}
        held = sum(size["bytes"] for zone in zones.values() for size in zone.values())
        return {
            "zones": {zone: zones[zone] for zone in ZONES},
            "storage_usd_per_month": held / GB * S3_GB_MONTH_USD,
        }

    def _integrity(self) -> dict[str, Any]:
        shards = [
            proof.answer() for domain in self._follower.domains.values() for proof in domain.proofs
        ]
        domains = self._follower.domains
        problems = [why for domain in domains.values() for why in domain.problems]
        # Of an empty lake nothing is proven.
        verified = bool(shards) and not problems and all(shard["verified"] for shard in shards)
        return {
            "verified": verified,
            "problems": problems,
            "curated": {name: _curated(domain) for name, domain in domains.items()},
            "shards": shards,
        }


def _size(size: ZoneSize) -> dict[str, Any]:
    return {"objects": size.objects, "bytes": size.bytes}


def _curated(domain: DomainLake) -> dict[str, Any] | None:
    """Return which snapshot of the curated table the answers begin with; None: with none."""
    current = domain.version
    if current is None:
        return None
    (table,) = current.inputs
    return {
        "version": current.version,
        "made_at": current.made_at,
        "table": table.table,
        "snapshot_id": table.snapshot_id,
        "events": table.rows,
        "events_expected": table.rows_expected,
    }


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
