"""The tables of the Glue database, declared once: provisioning, Glue jobs and CDK read them here.

Two kinds: tables over the plain ranges of `processed/`, whose partitions are projected from the
keys, and the curated Iceberg tables under `analytics/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from lake_core.layout import ANALYTICS, processed_prefix
from lake_core.names import Domain
from lake_core.schema import Kind, StoredColumn, stored_columns

# Where the projected partitions begin: no stream of this lake is older.
PROJECTED_FROM: Final = "2024-01-01"
EFFICIENCY_COLUMNS: Final = {
    Domain.MANUFACTURING: "machine_efficiency",
    Domain.ECOMMERCE: "purchase_efficiency",
}
# The time an event belongs to: the events tables are partitioned by its month.
EVENT_TIME: Final = {
    Domain.MANUFACTURING: "timestamp",
    Domain.ECOMMERCE: "time_of_purchase",
}
HIVE_TYPES: Final = {
    Kind.INT32: "int",
    Kind.INT64: "bigint",
    Kind.FLOAT64: "double",
    Kind.STRING: "string",
    Kind.BOOL: "boolean",
    Kind.DATE: "date",
    Kind.TIMESTAMP: "timestamp",
    Kind.TIMESTAMP_MILLIS: "timestamp",
}
_PARQUET_INPUT: Final = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
_PARQUET_OUTPUT: Final = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
_PARQUET_SERDE: Final = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"


@dataclass(frozen=True, slots=True)
class CuratedTable:
    """An Iceberg table. `partition` is a Spark partition expression, None for a small table."""

    name: str
    domain: Domain
    description: str
    columns: tuple[StoredColumn, ...]
    partition: str | None

    @property
    def prefix(self) -> str:
        """Where its data and metadata lie in the bucket."""
        return f"{ANALYTICS}{self.domain}/{self.name}/"


def events_table(domain: Domain) -> CuratedTable:
    """Return the table of all events of a domain, each identity once."""
    position = (
        StoredColumn("incarnation", Kind.STRING, "of the stream: its creation time"),
        StoredColumn("shard", Kind.STRING, "of the stream"),
    )
    efficiency = StoredColumn(EFFICIENCY_COLUMNS[domain], Kind.FLOAT64, _EFFICIENCY[domain])
    return CuratedTable(
        f"{domain}_events",
        domain,
        f"every {domain} event once, scored",
        (*stored_columns(domain), efficiency, *position),
        f"months({EVENT_TIME[domain]})",  # a year of a small lake is a dozen files
    )


_EFFICIENCY: Final = {
    Domain.MANUFACTURING: "remaining life / energy consumption, 0 to 500",
    Domain.ECOMMERCE: "purchase amount / time to decision, 0 where that is not positive",
}


def _day(description: str) -> tuple[StoredColumn, ...]:
    return (StoredColumn("event_date", Kind.DATE, description),)


def _counts(*columns: tuple[str, str]) -> tuple[StoredColumn, ...]:
    return tuple(StoredColumn(name, Kind.INT64, text) for name, text in columns)


def _numbers(*columns: tuple[str, str]) -> tuple[StoredColumn, ...]:
    return tuple(StoredColumn(name, Kind.FLOAT64, text) for name, text in columns)


SENSORS: Final = ("temperature", "vibration", "humidity", "pressure", "energy_consumption")
_READINGS: Final = (
    *_counts(
        ("readings", "readings of the day"),
        ("anomalies", "of them with anomaly_flag 1"),
        ("failures", "of them with machine_status 2: the machine is down"),
        ("alerts", "of them at or above the alert threshold"),
        ("maintenance_required", "of them with maintenance_required 1"),
        ("priority_hundredths", "sum of the scores in whole hundredths"),
    ),
    *_numbers(
        ("average_maintenance_priority", "mean score"),
        ("highest_maintenance_priority", "highest score"),
        ("average_downtime_risk", "mean downtime_risk"),
        ("average_machine_efficiency", "mean machine_efficiency divided by 500: 0 to 1"),
        *((f"average_{sensor}", f"mean {sensor.replace('_', ' ')}") for sensor in SENSORS),
    ),
)
MACHINE_DAILY: Final = CuratedTable(
    "manufacturing_machine_daily",
    Domain.MANUFACTURING,
    "readings per machine and day of event time",
    (
        StoredColumn("machine_id", Kind.INT32, "the machine"),
        *_day("day of event time, UTC"),
        *_READINGS,
        StoredColumn("risk", Kind.STRING, "high, medium or low by the mean score of the day"),
    ),
    None,
)
MANUFACTURING_DAILY: Final = CuratedTable(
    "manufacturing_daily",
    Domain.MANUFACTURING,
    "readings of all machines per day of event time",
    (
        *_day("day of event time, UTC"),
        *_counts(("machines", "machines with a reading that day")),
        *_READINGS,
    ),
    None,
)
_PURCHASES: Final = (
    *_counts(
        ("purchases", "number of purchases"),
        ("amount_cents", "sum of the amounts in whole cents"),
        ("value_score_hundredths", "sum of the value scores in whole hundredths"),
    ),
    *_numbers(
        ("total_purchase_amount", "sum of the amounts in dollars"),
        ("average_purchase_amount", "mean amount in dollars"),
        ("average_customer_satisfaction", "mean satisfaction, 1 to 10"),
        ("average_product_rating", "mean rating, 1 to 5"),
        ("average_customer_value_score", "mean value score"),
    ),
)
CUSTOMERS: Final = CuratedTable(
    "ecommerce_customers",
    Domain.ECOMMERCE,
    "customers with their totals; score and segment are those of the latest purchase",
    (
        StoredColumn("customer_id", Kind.STRING, "the customer"),
        *_PURCHASES,
        *_numbers(("customer_value_score", "of the latest purchase")),
        StoredColumn("customer_segment", Kind.STRING, "of the latest purchase"),
        StoredColumn("first_purchase", Kind.DATE, "day of the first purchase"),
        StoredColumn("last_purchase", Kind.DATE, "day of the latest purchase"),
    ),
    None,
)
ECOMMERCE_DAILY: Final = CuratedTable(
    "ecommerce_daily",
    Domain.ECOMMERCE,
    "purchases of all customers per day",
    (
        *_day("day of purchase"),
        *_counts(
            ("customers", "customers with a purchase that day"),
            ("high_value_purchases", "purchases whose score is in the segment HIGH_VALUE"),
        ),
        *_PURCHASES,
    ),
    None,
)


def curated_tables() -> tuple[CuratedTable, ...]:
    """Return every curated table."""
    events = tuple(events_table(domain) for domain in Domain)
    return (*events, MACHINE_DAILY, MANUFACTURING_DAILY, CUSTOMERS, ECOMMERCE_DAILY)


def processed_table_name(domain: Domain) -> str:
    """Return the name of the table over a domain's ranges."""
    return f"{domain}_processed"


def processed_table(domain: Domain, bucket: str) -> dict[str, Any]:
    """Return the table over `processed/<domain>/` as Glue's `TableInput`.

    Its partitions are projected: no crawler, no partition to register.
    """
    location = f"s3://{bucket}/{processed_prefix(domain)}"
    return {
        "Name": processed_table_name(domain),
        "Description": f"{domain} events as they were written, duplicates of producers included",
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [
            {"Name": "dt", "Type": "string", "Comment": "day of arrival, UTC"},
            {"Name": "hh", "Type": "string", "Comment": "hour of arrival, UTC"},
        ],
        "Parameters": {
            "EXTERNAL": "TRUE",
            "classification": "parquet",
            "projection.enabled": "true",
            "projection.dt.type": "date",
            "projection.dt.format": "yyyy-MM-dd",
            "projection.dt.range": f"{PROJECTED_FROM},NOW",
            "projection.hh.type": "integer",
            "projection.hh.range": "0,23",
            "projection.hh.digits": "2",
            "storage.location.template": f"{location}dt=${{dt}}/hh=${{hh}}/",
        },
        "StorageDescriptor": {
            "Columns": [
                {"Name": c.name, "Type": HIVE_TYPES[c.kind], "Comment": c.description}
                for c in stored_columns(domain)
            ],
            "Location": location,
            "InputFormat": _PARQUET_INPUT,
            "OutputFormat": _PARQUET_OUTPUT,
            "SerdeInfo": {"SerializationLibrary": _PARQUET_SERDE},
        },
    }
