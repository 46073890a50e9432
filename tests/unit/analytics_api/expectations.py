"""Rows, and what they come to in plain Python: no code of the lake but the CSV headers."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

import pytest

from lake_core.names import Domain
from lake_core.schema import csv_header

Row = dict[str, str]


def reading_rows(count: int) -> list[Row]:
    rows = []
    for i in range(count):
        n = i * 7919 % 10007
        minute = dt.datetime(2025, 1, 1) + dt.timedelta(minutes=37 * i)  # noqa: DTZ001
        values = (
            f"{minute}", 1 + n % 7, (5000 + n % 5000) / 100, (n % 9500) / 100, 50.0, 2.5,
            (n % 450) / 100, n % 3, n % 2, n % 500, "Normal", float(n % 2), n % 2,
        )  # fmt: skip
        rows.append(dict(zip(csv_header(Domain.MANUFACTURING), map(str, values), strict=True)))
    return rows


def purchase_rows(count: int) -> list[Row]:
    rows = []
    for i in range(count):
        n = i * 7919 % 10007
        cells = dict.fromkeys(csv_header(Domain.ECOMMERCE), "x")
        cells |= {
            "Customer_ID": f"c{n % 23:02d}", "Age": "30",
            "Purchase_Category": ("Books", "Toys", "Hotels")[n % 3],
            "Purchase_Amount": f"${50 + n % 400}.{n % 100:02d} ",
            "Frequency_of_Purchase": str(2 + n % 11), "Brand_Loyalty": str(1 + n % 5),
            "Purchase_Channel": ("Online", "Mixed")[n % 2], "Product_Rating": "3",
            "Time_Spent_on_Product_Research(hours)": "1", "Return_Rate": "0",
            "Customer_Satisfaction": str(1 + n % 10), "Time_of_Purchase": f"{1 + n % 12}/5/2024",
            "Discount_Used": "TRUE", "Customer_Loyalty_Program_Member": "FALSE",
            "Time_to_Decision": "2",
        }  # fmt: skip
        rows.append(cells)
    return rows


def rounded(value: Decimal) -> Fraction:
    return Fraction(value.quantize(Decimal("0.01"), ROUND_HALF_EVEN))


def maintenance_score(r: Row) -> Fraction:
    t, v, a, d = (
        Decimal(r[k]) for k in ("temperature", "vibration", "anomaly_flag", "downtime_risk")
    )
    return rounded(
        Decimal("0.3") * t / 100 + Decimal("0.25") * v / 10 + Decimal("0.15") * a
        + Decimal("0.3") * d
    )  # fmt: skip


def value_score(r: Row) -> Fraction:
    return rounded(
        Decimal("0.4") * Decimal(r["Purchase_Amount"].strip(" $")) / 1000
        + Decimal("0.3") * Decimal(r["Frequency_of_Purchase"]) / 10
        + Decimal("0.15") * Decimal(r["Brand_Loyalty"]) / 10
        + Decimal("0.15") * Decimal(r["Customer_Satisfaction"]) / 10
    )


def mean(values: list[Fraction]) -> float:
    return float(sum(values) / len(values))


def expected_manufacturing(rows: list[Row]) -> dict[str, Any]:
    by_machine: dict[str, list[tuple[dt.datetime, int, Row]]] = defaultdict(list)
    for i, r in enumerate(rows):
        by_machine[r["machine_id"]].append((dt.datetime.fromisoformat(r["timestamp"]), i, r))
    risks = {"high": 0, "medium": 0, "low": 0}
    due = 0
    for readings in by_machine.values():
        at, _, latest = max(readings, key=lambda one: one[:2])
        window = [
            maintenance_score(r) for t, _, r in readings if at - dt.timedelta(hours=24) < t <= at
        ]
        average = sum(window) / len(window)
        level = "high" if average > Fraction(16, 10) else "medium"
        risks[level if average > Fraction(15, 10) else "low"] += 1
        due += latest["maintenance_required"] == "1" or int(latest["predicted_remaining_life"]) < 20
    scores = [maintenance_score(r) for r in rows]
    alerts = [s for s in scores if s >= Fraction(268, 100)]
    efficiency = [
        min(
            Fraction(r["predicted_remaining_life"]) / Fraction(r["energy_consumption"]),
            Fraction(500),
        )
        if Fraction(r["energy_consumption"]) > 0
        else Fraction(0)
        for r in rows
    ]
    return {
        "total_machines_analyzed": len(by_machine),
        **{f"{level}_risk_machines": count for level, count in risks.items()},
        "records_analyzed": len(rows),
        "average_maintenance_priority": mean(scores),
        "high_priority_alerts": len(alerts),
        "average_alert_score": mean(alerts) if alerts else None,
        "predicted_maintenance_events": due,
        "average_machine_efficiency": mean(efficiency) / 500,
        "data_quality_score": 1.0,
        "scoring_version": "default-1",
    }


def expected_ecommerce(rows: list[Row]) -> dict[str, Any]:
    latest: dict[str, tuple[tuple[Any, ...], Row]] = {}
    channels: dict[str, list[Fraction]] = defaultdict(list)
    categories: dict[str, int] = defaultdict(int)
    for i, r in enumerate(rows):
        month, day, year = (int(x) for x in r["Time_of_Purchase"].split("/"))
        order = (dt.date(year, month, day), i)
        held = latest.get(r["Customer_ID"])
        if held is None or order > held[0]:
            latest[r["Customer_ID"]] = (order, r)
        channels[r["Purchase_Channel"]].append(value_score(r))
        categories[r["Purchase_Category"]] += 1
    scores = [value_score(r) for _, r in latest.values()]
    return {
        "total_customers_analyzed": len(latest),
        "high_value_customers": sum(s > Fraction(60, 100) for s in scores),
        "medium_value_customers": sum(Fraction(40, 100) < s <= Fraction(60, 100) for s in scores),
        "standard_customers": sum(s <= Fraction(40, 100) for s in scores),
        "average_customer_value_score": mean(scores),
        "average_purchase_amount": mean([Fraction(r["Purchase_Amount"].strip(" $")) for r in rows]),
        "most_popular_category": min(categories, key=lambda c: (-categories[c], c)),
        "highest_value_purchase_channel": min(
            channels, key=lambda c: (-sum(channels[c]) / len(channels[c]), c)
        ),
        "customer_satisfaction_index": mean([Fraction(r["Customer_Satisfaction"]) for r in rows]),
        "data_quality_score": 1.0,
        "scoring_version": "default-1",
    }


def assert_figures(answer: dict[str, Any], expected: dict[str, Any]) -> None:
    assert set(answer) - {"freshness"} == set(expected)
    for name, value in expected.items():
        if isinstance(value, float):
            assert answer[name] == pytest.approx(value, rel=1e-9), name
        else:
            assert answer[name] == value, name
