"""Events as rows of the curated tables, and DataFrames of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from random import Random
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from lake_core.catalog import HIVE_TYPES, events_table
from lake_core.names import Domain
from tests.plain_aggregates import Event

FIRST = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
SEGMENTS = ("HIGH_VALUE", "MEDIUM_VALUE", "STANDARD")


def frame(spark: SparkSession, domain: Domain, events: Sequence[Event]) -> DataFrame:
    """A DataFrame with the columns of the events table; what an event does not say is null."""
    columns = events_table(domain).columns
    schema = ", ".join(f"{column.name} {HIVE_TYPES[column.kind]}" for column in columns)
    rows = [tuple(event.get(column.name) for column in columns) for event in events]
    return spark.createDataFrame(rows, schema)


def reading(**values: Any) -> Event:
    """A reading of a machine that does well."""
    return {
        "timestamp": FIRST, "machine_id": 1, "temperature": 75.5, "vibration": 50.25,
        "humidity": 40.0, "pressure": 2.5, "energy_consumption": 2.0, "machine_status": 1,
        "anomaly_flag": 0, "predicted_remaining_life": 100, "failure_type": "Normal",
        "downtime_risk": 0.0, "maintenance_required": 0, "maintenance_priority_score": 1.48,
        "event_source": "f.csv-0a-0", "event_row": 0, "machine_efficiency": 50.0,
    } | values  # fmt: skip


def purchase(**values: Any) -> Event:
    """A purchase of a customer."""
    return {
        "customer_id": "37-611-6911", "purchase_amount": 333.80, "product_rating": 4,
        "customer_satisfaction": 7, "time_of_purchase": FIRST.date(), "time_to_decision": 2,
        "customer_value_score": 0.45, "customer_segment": "MEDIUM_VALUE",
        "event_source": "f.csv-0a-0", "event_row": 0, "sequence_number": "1", "record_index": 0,
    } | values  # fmt: skip


def many_readings(count: int) -> list[Event]:
    """Readings of five machines over three days, all columns drawn."""
    chance = Random(7)  # noqa: S311 - no secret
    events = []
    for row in range(count):
        life, energy = chance.randrange(500), chance.randrange(-3, 500) / 100
        events.append(
            reading(
                timestamp=FIRST + dt.timedelta(minutes=chance.randrange(3 * 1440)),
                machine_id=chance.randrange(1, 6), temperature=_cents(chance, 4000, 11000),
                vibration=_cents(chance, -500, 10000), humidity=_cents(chance, 3000, 8000),
                pressure=_cents(chance, 100, 500), energy_consumption=energy,
                machine_status=chance.randrange(3), anomaly_flag=chance.randrange(2),
                predicted_remaining_life=life, downtime_risk=_cents(chance, 0, 100),
                maintenance_required=chance.randrange(2), event_row=row,
                maintenance_priority_score=_cents(chance, 50, 320),
                machine_efficiency=min(life / energy, 500.0) if energy > 0 else 0.0,
            )
        )  # fmt: skip
    return events


def many_purchases(count: int) -> list[Event]:
    """Purchases of nine customers over four days, of two laps and from a producer without names."""
    chance = Random(8)  # noqa: S311 - no secret
    events = []
    for row in range(count):
        named = chance.random() < 0.7
        events.append(
            purchase(
                customer_id=f"c{chance.randrange(9)}",
                purchase_amount=_cents(chance, 5000, 50000),
                product_rating=chance.randrange(1, 6), customer_segment=chance.choice(SEGMENTS),
                customer_satisfaction=chance.randrange(1, 11),
                time_of_purchase=FIRST.date() + dt.timedelta(days=chance.randrange(4)),
                customer_value_score=_cents(chance, 10, 95),
                event_source=f"f.csv-0a-{chance.randrange(12)}" if named else None,
                event_row=row if named else None,
                sequence_number=str(chance.randrange(1, 10**12)),
                record_index=chance.randrange(5),
            )
        )  # fmt: skip
    return events


def _cents(chance: Random, low: int, high: int) -> float:
    return chance.randrange(low, high) / 100
