"""The four aggregates, every column, against plain Python that shares no code with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from pyspark.sql import DataFrame, SparkSession

from lake_core.catalog import (
    CUSTOMERS,
    ECOMMERCE_DAILY,
    MACHINE_DAILY,
    MANUFACTURING_DAILY,
    CuratedTable,
)
from lake_core.names import Domain
from lake_core.rules import DEFAULT, RuleSet
from lake_glue import aggregates
from tests import plain_aggregates as plain
from tests.plain_aggregates import Event, Row
from tests.unit.glue.events import frame, many_purchases, many_readings, purchase, reading

Make = Callable[[DataFrame, RuleSet], DataFrame]


def made(spark: SparkSession, domain: Domain, make: Make, events: Sequence[Event]) -> list[Row]:
    rows = make(frame(spark, domain, events), DEFAULT).collect()
    return [row.asDict() for row in rows]


def customers(spark: SparkSession, *events: Event) -> list[Row]:
    return made(spark, Domain.ECOMMERCE, aggregates.customers, events)


def machine_days(spark: SparkSession, *events: Event) -> list[Row]:
    return made(spark, Domain.MANUFACTURING, aggregates.machine_daily, events)


def in_order(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: [str(value) for value in list(row.values())[:2]])


@pytest.mark.parametrize(
    ("table", "make", "expected"),
    [
        (MACHINE_DAILY, aggregates.machine_daily, plain.machine_days),
        (MANUFACTURING_DAILY, aggregates.manufacturing_daily, plain.manufacturing_days),
        (CUSTOMERS, aggregates.customers, plain.customers),
        (ECOMMERCE_DAILY, aggregates.ecommerce_daily, plain.ecommerce_days),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_every_column_is_what_plain_python_makes_of_the_events(
    spark: SparkSession,
    table: CuratedTable,
    make: Make,
    expected: Callable[[Sequence[Event]], list[Row]],
) -> None:
    readings = table.domain is Domain.MANUFACTURING
    events = many_readings(600) if readings else many_purchases(600)
    rows = in_order(made(spark, table.domain, make, events))
    assert rows == in_order(expected(events))
    assert set(rows[0]) == {column.name for column in table.columns}


def test_a_machine_exactly_at_a_threshold_is_not_above_it(spark: SparkSession) -> None:
    risks = {
        (1.50, 1.50): "low",
        (1.49, 1.52): "medium",  # a mean of 1.505: not rounded
        (1.60, 1.60): "medium",
        (1.60, 1.61): "high",
        (1.60, 1.60, 1.61): "high",
    }
    events = [
        reading(machine_id=machine, maintenance_priority_score=score)
        for machine, scores in enumerate(risks)
        for score in scores
    ]
    rows = in_order(machine_days(spark, *events))
    assert [row["risk"] for row in rows] == list(risks.values())
    assert rows == in_order(plain.machine_days(events))


def test_an_alert_begins_at_its_threshold(spark: SparkSession) -> None:
    scores = (2.67, 2.68, 2.69)
    (row,) = machine_days(spark, *(reading(maintenance_priority_score=one) for one in scores))
    assert row["alerts"] == 2


def test_half_cents_are_rounded_to_the_even_cent(spark: SparkSession) -> None:
    events = [purchase(purchase_amount=amount) for amount in (100.125, 100.375, 0.625, 2.5)]
    (row,) = customers(spark, *events)
    assert row["amount_cents"] == 10012 + 10038 + 62 + 250
    assert row == plain.customers(events)[0]


NAMELESS: Event = {"event_source": None, "event_row": None}
# (earlier, later) by customer
ORDERED: dict[str, tuple[Event, Event]] = {
    "row": ({"event_row": 9}, {"event_row": 10}),
    "lap": ({"event_source": "f.csv-0a-9", "event_row": 5}, {"event_source": "f.csv-0a-10"}),
    "dashes": ({"event_source": "my-file.csv-0a-1"}, {"event_source": "my-file.csv-0a-2"}),
    "no lap is 0": ({"event_source": "other", "event_row": 1}, {"event_source": "other-7a-1"}),
    "sequence": (NAMELESS | {"sequence_number": "99"}, NAMELESS | {"sequence_number": "100"}),
    "index": (NAMELESS | {"record_index": 2}, NAMELESS | {"record_index": 10}),
    "a name": (NAMELESS | {"sequence_number": "99"}, {"event_row": 0}),
}


def test_score_and_segment_are_those_of_the_latest_purchase_of_the_day(
    spark: SparkSession,
) -> None:
    high = {"customer_value_score": 0.7, "customer_segment": "HIGH_VALUE"}
    low = {"customer_value_score": 0.2, "customer_segment": "STANDARD"}
    events = [
        event
        for customer, (earlier, later) in ORDERED.items()
        for event in (
            purchase(**later, **high, customer_id=customer),
            purchase(**earlier, **low, customer_id=customer),
        )
    ]
    rows = customers(spark, *events)
    assert {row["customer_id"]: row["customer_segment"] for row in rows} == dict.fromkeys(
        ORDERED, "HIGH_VALUE"
    )
    assert in_order(rows) == in_order(plain.customers(events))


def test_the_day_of_a_reading_is_the_one_in_utc(spark: SparkSession) -> None:
    midnight = reading()["timestamp"]
    rows = machine_days(
        spark, reading(timestamp=midnight), reading(timestamp=midnight.replace(day=2, hour=23))
    )
    assert [str(row["event_date"]) for row in in_order(rows)] == ["2025-01-01", "2025-01-02"]
