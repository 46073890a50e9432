"""Writes curated events tables through the Glue API as the ETL job does, without Spark."""

from __future__ import annotations

import contextlib
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NamespaceAlreadyExistsError, NoSuchTableError

from analytics_api.iceberg_events import glue_catalog
from lake_core.catalog import events_table
from lake_core.names import GLUE_DATABASE, Domain
from lake_core.published import SUMMARY_KEY, encode_published
from lake_core.schema import Kind
from tests.aws import Aws
from tests.unit.analytics_api.curated_builder import MemoryTables, Table

TYPES: dict[Kind, pa.DataType] = {
    Kind.INT32: pa.int32(), Kind.INT64: pa.int64(), Kind.FLOAT64: pa.float64(),
    Kind.STRING: pa.string(), Kind.BOOL: pa.bool_(), Kind.DATE: pa.date32(),
    Kind.TIMESTAMP: pa.timestamp("us", tz="UTC"),
    Kind.TIMESTAMP_MILLIS: pa.timestamp("us", tz="UTC"),  # Iceberg has no other
}  # fmt: skip


class GlueTables:
    """The curated tables of one bucket in the emulator's Glue catalog."""

    def __init__(self, aws: Aws, bucket: str) -> None:
        self._catalog: Catalog = glue_catalog(aws.client("glue"), aws.env)
        self._bucket = bucket
        self._written: dict[Domain, int] = dict.fromkeys(Domain, 0)
        with contextlib.suppress(NamespaceAlreadyExistsError):
            self._catalog.create_namespace(GLUE_DATABASE)

    def append(self, domain: Domain, tables: MemoryTables) -> None:
        """Append what the ETL published since the last time, and its positions, in one commit."""
        table = tables.tables[domain]
        self._table(domain).append(
            self._rows(domain, table),
            snapshot_properties={SUMMARY_KEY: encode_published(table.at.published)},
        )
        self._written[domain] = len(table.rows)

    def drop(self) -> None:
        """Leave no table behind: others use this catalog too."""
        for domain in Domain:
            with contextlib.suppress(NoSuchTableError):
                self._catalog.drop_table(self._name(domain))

    def _table(self, domain: Domain) -> Any:
        with contextlib.suppress(NoSuchTableError):
            return self._catalog.load_table(self._name(domain))
        location = f"s3://{self._bucket}/{events_table(domain).prefix}".rstrip("/")
        return self._catalog.create_table(self._name(domain), _schema(domain), location)

    def _rows(self, domain: Domain, table: Table) -> pa.Table:
        new = pa.concat_tables(table.rows[self._written[domain] :])
        columns: list[Any] = []
        for field in _schema(domain):
            if field.name in new.schema.names:
                columns.append(new[field.name].cast(field.type))
            elif field.name == "arrival_timestamp":
                at = pa.scalar(table.at.published.chains[0].last_arrival * 1000, pa.int64())
                columns.append(pc.cast(pa.repeat(at, new.num_rows), field.type))
            else:
                columns.append(pa.nulls(new.num_rows, field.type))
        return pa.table(columns, schema=_schema(domain))

    @staticmethod
    def _name(domain: Domain) -> str:
        return f"{GLUE_DATABASE}.{events_table(domain).name}"


def _schema(domain: Domain) -> pa.Schema:
    return pa.schema([(c.name, TYPES[c.kind]) for c in events_table(domain).columns])
