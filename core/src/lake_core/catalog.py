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
# The time an event belongs to: curated tables are partitioned by its day.
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
        f"days({EVENT_TIME[domain]})",
    )


_EFFICIENCY: Final = {
    Domain.MANUFACTURING: "remaining life / energy consumption, 0 to 500",
    Domain.ECOMMERCE: "purchase amount / time to decision, 0 where that is not positive",
}


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
