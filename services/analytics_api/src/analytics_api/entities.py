"""Machines and customers as the API lists them."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from analytics_api.ecommerce import Customer
from analytics_api.insights import ratio
from analytics_api.instants import text_of, text_of_microseconds
from analytics_api.manufacturing import Machine
from analytics_api.sums import Sums
from lake_core.names import Domain
from lake_core.rules import RuleSet
from lake_core.schema import SCORE_COLUMNS, columns

_READING: Final = tuple(
    column.name for column in columns(Domain.MANUFACTURING) if column.name != "machine_id"
)
_PURCHASE: Final = tuple(
    column.name for column in columns(Domain.ECOMMERCE) if column.name != "customer_id"
)
_IDENTITY: Final = ("event_source", "event_row")
_MINUTE_SECONDS: Final = 60


def machine_item(machine: Machine, rules: RuleSet) -> dict[str, Any]:
    """Return a machine's line in the list."""
    total, count, *_ = machine.window
    return {
        "machine_id": machine.machine_id,
        "risk": machine.risk(rules),
        "risk_score": ratio(total, count * 100),
        "readings_in_window": count,
        "readings": machine.readings,
        "average_maintenance_priority": ratio(machine.score_sum, machine.readings * 100),
        "alerts": machine.alerts,
        "needs_maintenance": machine.needs_maintenance,
        "latest": _latest(machine.latest, _READING, Domain.MANUFACTURING),
    }


def machine_history(machine: Machine) -> dict[str, list[dict[str, Any]]]:
    """Return the machine's last hours and days of event time, oldest first."""
    return {
        "history": [_bucket("hour", *one) for one in sorted(machine.hours.items())],
        "daily_history": [_bucket("day", *one) for one in sorted(machine.days.items())],
    }


def _bucket(unit: str, start_minute: int, score: Sums) -> dict[str, Any]:
    total, count, *_ = score
    return {
        unit: text_of_microseconds(start_minute * _MINUTE_SECONDS * 1_000_000),
        "average_maintenance_priority": ratio(total, count * 100),
        "readings": count,
    }


def customer_item(customer: Customer) -> dict[str, Any]:
    """Return a customer's line in the list."""
    return {
        "customer_id": customer.customer_id,
        "segment": customer.segment,
        "customer_value_score": customer.score / 100,
        "purchases": customer.purchases,
        "total_amount": customer.amount_cents / 100,
        "average_purchase_amount": ratio(customer.amount_cents, customer.purchases * 100),
        "latest": _latest(customer.latest, _PURCHASE, Domain.ECOMMERCE),
    }


def _latest(row: dict[str, Any], names: tuple[str, ...], domain: Domain) -> dict[str, Any]:
    score = SCORE_COLUMNS[domain]
    return {name: _plain(row[name]) for name in (*names, score, *_IDENTITY)}


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return text_of(value)
    return value.isoformat() if isinstance(value, dt.date) else value
