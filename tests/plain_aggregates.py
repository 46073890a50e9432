"""The aggregate tables once more, in plain Python and exact numbers: shares no code with the lake.

Events are mappings from column name to value, also made here from the cells of a CSV. Means are
fractions until the last step.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

Event = dict[str, Any]
Row = dict[str, Any]

SENSORS = ("temperature", "vibration", "humidity", "pressure", "energy_consumption")
_WHOLE = (
    "machine_id", "machine_status", "anomaly_flag", "predicted_remaining_life",
    "maintenance_required",
)  # fmt: skip


def reading(cells: Mapping[str, str], source: str, row: int) -> Event:
    """A reading as the curated table has it."""
    number = {name: Decimal(cells[name]) for name in (*SENSORS, "downtime_risk")}
    score = (
        Decimal("0.3") * number["temperature"] / 100
        + Decimal("0.25") * number["vibration"] / 10
        + Decimal("0.15") * Decimal(cells["anomaly_flag"])
        + Decimal("0.3") * number["downtime_risk"]
    )
    life, energy = int(cells["predicted_remaining_life"]), float(cells["energy_consumption"])
    return {
        "event_source": source, "event_row": row,
        "timestamp": dt.datetime.fromisoformat(cells["timestamp"]).replace(tzinfo=dt.UTC),
        **{name: float(value) for name, value in number.items()},
        **{name: int(cells[name]) for name in _WHOLE}, "failure_type": cells["failure_type"],
        "maintenance_priority_score": _two_places(score),
        "machine_efficiency": min(life / energy, 500.0) if energy > 0 else 0.0,
    }  # fmt: skip


def purchase(cells: Mapping[str, str], source: str, row: int) -> Event:
    """A purchase as the curated table has it, but for columns that nothing is made from."""
    amount = Decimal(cells["Purchase_Amount"].strip().lstrip("$"))
    loyalty, satisfaction = (Decimal(cells[c]) for c in ("Brand_Loyalty", "Customer_Satisfaction"))
    score = _two_places(
        Decimal("0.4") * amount / 1000
        + Decimal("0.3") * Decimal(cells["Frequency_of_Purchase"]) / 10
        + Decimal("0.15") * loyalty / 10
        + Decimal("0.15") * satisfaction / 10
    )
    month, day, year = (int(part) for part in cells["Time_of_Purchase"].split("/"))
    days = int(cells["Time_to_Decision"])
    return {
        "event_source": source, "event_row": row, "customer_id": cells["Customer_ID"],
        "location": cells["Location"], "purchase_category": cells["Purchase_Category"],
        "discount_used": cells["Discount_Used"] == "TRUE", "purchase_amount": float(amount),
        "product_rating": int(cells["Product_Rating"]), "customer_satisfaction": int(satisfaction),
        "time_of_purchase": dt.date(year, month, day), "customer_value_score": score,
        "customer_segment": _segment(score),
        "purchase_efficiency": float(amount) / days if days > 0 else 0.0,
    }  # fmt: skip


def _two_places(value: Decimal) -> float:
    return float(value.quantize(Decimal("0.01"), ROUND_HALF_EVEN))


def _segment(score: float) -> str:
    if score > 0.6:
        return "HIGH_VALUE"
    return "MEDIUM_VALUE" if score > 0.4 else "STANDARD"


def machine_days(events: Iterable[Event]) -> list[Row]:
    """A row per machine and day."""
    groups = _grouped(events, lambda e: (e["machine_id"], e["timestamp"].date()))
    return [
        {"machine_id": machine, "event_date": day, **(row := _readings(some)), "risk": _risk(row)}
        for (machine, day), some in groups.items()
    ]


def manufacturing_days(events: Iterable[Event]) -> list[Row]:
    """A row per day."""
    groups = _grouped(events, lambda e: e["timestamp"].date())
    return [
        {"event_date": day, "machines": len({e["machine_id"] for e in some}), **_readings(some)}
        for day, some in groups.items()
    ]


def customers(events: Iterable[Event]) -> list[Row]:
    """A row per customer."""
    rows = []
    for customer, some in _grouped(events, lambda e: e["customer_id"]).items():
        latest = max(some, key=_order)
        days = [e["time_of_purchase"] for e in some]
        rows.append(
            {
                "customer_id": customer,
                **_purchases(some),
                "customer_value_score": latest["customer_value_score"],
                "customer_segment": latest["customer_segment"],
                "first_purchase": min(days),
                "last_purchase": max(days),
            }
        )
    return rows


def ecommerce_days(events: Iterable[Event]) -> list[Row]:
    """A row per day of purchase."""
    return [
        {
            "event_date": day,
            "customers": len({e["customer_id"] for e in some}),
            "high_value_purchases": sum(e["customer_segment"] == "HIGH_VALUE" for e in some),
            **_purchases(some),
        }
        for day, some in _grouped(events, lambda e: e["time_of_purchase"]).items()
    ]


def _readings(some: Sequence[Event]) -> Row:
    scores = [_hundredths(e["maintenance_priority_score"]) for e in some]
    return {
        "readings": len(some),
        "anomalies": sum(e["anomaly_flag"] for e in some),
        "failures": sum(e["machine_status"] == 2 for e in some),
        "alerts": sum(score >= 268 for score in scores),
        "maintenance_required": sum(e["maintenance_required"] for e in some),
        "priority_hundredths": sum(scores),
        "average_maintenance_priority": _mean(some, "maintenance_priority_score"),
        "highest_maintenance_priority": max(scores) / 100,
        "average_downtime_risk": _mean(some, "downtime_risk"),
        "average_machine_efficiency": float(
            Fraction(sum(_efficiency(e) for e in some), len(some) * 500 * 10**6)
        ),
        **{f"average_{sensor}": _mean(some, sensor) for sensor in SENSORS},
    }


def _efficiency(event: Event) -> int:
    """Remaining life by energy, 0 to 500, in whole millionths."""
    energy = Fraction(str(event["energy_consumption"]))
    if energy <= 0:
        return 0
    return round(min(Fraction(event["predicted_remaining_life"]) / energy, Fraction(500)) * 10**6)


def _risk(row: Row) -> str:
    mean = Fraction(row["priority_hundredths"], 100 * row["readings"])
    if mean > Fraction("1.6"):
        return "high"
    return "medium" if mean > Fraction("1.5") else "low"


def _purchases(some: Sequence[Event]) -> Row:
    cents = sum(_hundredths(e["purchase_amount"]) for e in some)
    return {
        "purchases": len(some),
        "amount_cents": cents,
        "value_score_hundredths": sum(_hundredths(e["customer_value_score"]) for e in some),
        "total_purchase_amount": cents / 100,
        "average_purchase_amount": _mean(some, "purchase_amount"),
        "average_customer_satisfaction": _mean(some, "customer_satisfaction"),
        "average_product_rating": _mean(some, "product_rating"),
        "average_customer_value_score": _mean(some, "customer_value_score"),
    }


def _order(event: Event) -> tuple[Any, ...]:
    """The latest event is the greatest: by time, then lap and row, else by place on the stream."""
    source, row = event["event_source"], event["event_row"]
    if source is None or row is None:
        place = int(event["sequence_number"]), event["record_index"]
        return event["time_of_purchase"], False, *place
    parts = source.split("-")
    lap = int(parts[-1]) if len(parts) > 2 and parts[-1].isdecimal() else 0
    return event["time_of_purchase"], True, lap, row


def _hundredths(value: float) -> int:
    return int((Decimal(str(value)) * 100).to_integral_value(ROUND_HALF_EVEN))


def _mean(some: Sequence[Event], column: str) -> float:
    return float(Fraction(sum(_hundredths(e[column]) for e in some), 100 * len(some)))


def _grouped(events: Iterable[Event], key: Callable[[Event], Hashable]) -> dict[Any, list[Event]]:
    groups: dict[Any, list[Event]] = defaultdict(list)
    for event in events:
        groups[key(event)].append(event)
    return groups
