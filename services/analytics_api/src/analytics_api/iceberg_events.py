"""`CuratedEvents` on Iceberg tables in the Glue catalog, read by PyIceberg.

One data file is in memory at a time: PyIceberg's own reader of a whole scan holds all files that it
has read ahead of its consumer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any, Final

import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError
from pyiceberg.expressions import (
    AlwaysTrue,
    And,
    BooleanExpression,
    EqualTo,
    GreaterThanOrEqual,
    Or,
)
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.table import DataScan, Table
from pyiceberg.table.snapshots import Snapshot

from analytics_api.curated import Part, TableAt
from analytics_api.frames import kept_columns
from lake_core.arrow import lake_schema
from lake_core.catalog import events_table
from lake_core.errors import InputError, TransientError, UnreadableObject
from lake_core.names import GLUE_DATABASE, Domain
from lake_core.published import SUMMARY_KEY, Published, decode_published

BATCH_ROWS: Final = 200_000
_PLACE: Final = ("incarnation", "shard")
# Their stubs know bound terms only.
_equal: Final[Any] = EqualTo
_at_least: Final[Any] = GreaterThanOrEqual
# What a bucket or a catalog that is away makes them raise, and a file that was compacted away.
_MAY_PASS: Final = (ClientError, BotoCoreError, OSError)


def glue_catalog(glue: Any, environment: Mapping[str, str]) -> Catalog:
    """Return the Glue catalog over a client; S3's endpoint and region as the AWS SDK takes them."""
    shared = environment.get("AWS_ENDPOINT_URL")
    named = {
        "s3.endpoint": environment.get("AWS_ENDPOINT_URL_S3", shared),
        "s3.region": glue.meta.region_name,
        "s3.connect-timeout": "5",
        "s3.request-timeout": "20",
    }
    return GlueCatalog("glue", client=glue, **{k: v for k, v in named.items() if v})


class IcebergEvents:
    """The curated events tables of a catalog."""

    def __init__(self, catalog: Catalog, database: str = GLUE_DATABASE) -> None:
        self._catalog = catalog
        self._database = database
        self._tables: dict[TableAt, Table] = {}

    def now(self, domain: Domain) -> TableAt:
        """See `CuratedEvents`."""
        name = f"{self._database}.{events_table(domain).name}"
        try:
            table = self._catalog.load_table(name)
        except (NoSuchTableError, NoSuchNamespaceError) as error:
            raise InputError(
                f"there is no curated table {name}: run the {domain} ETL job first (make etl)"
            ) from error
        except _MAY_PASS as error:
            raise TransientError(f"{name} cannot be read now: {error}") from error
        at = _at(domain, name, table)
        self._tables = {at: table}
        return at

    def rows(self, domain: Domain, at: TableAt, parts: Sequence[Part] | None) -> Iterator[pa.Table]:
        """See `CuratedEvents`."""
        if at.snapshot_id is None:
            return
        table = self._tables[at]
        schema = _wanted_schema(domain)
        near = AlwaysTrue() if parts is None else reduce(Or, map(_near, parts))
        scan = table.scan(near, selected_fields=tuple(schema.names), snapshot_id=at.snapshot_id)
        try:
            for batch in _batches(table, scan, near):
                for begin in range(0, batch.num_rows, BATCH_ROWS):
                    some = pa.Table.from_batches([batch.slice(begin, BATCH_ROWS)])
                    yield some.select(schema.names).cast(schema)
        except _MAY_PASS as error:
            raise TransientError(f"{at.name} cannot be read now: {error}") from error


def _batches(table: Table, scan: DataScan, near: BooleanExpression) -> Iterator[pa.RecordBatch]:
    reader = ArrowScan(table.metadata, table.io, scan.projection(), near)
    for task in scan.plan_files():
        yield from reader.to_record_batches([task])


def _wanted_schema(domain: Domain) -> pa.Schema:
    whole, place = lake_schema(domain), [pa.field(name, pa.string()) for name in _PLACE]
    return pa.schema([*(whole.field(name) for name in kept_columns(domain)), *place])


def _near(part: Part) -> BooleanExpression:
    near: BooleanExpression = And(
        _equal("incarnation", part.incarnation), _equal("shard", part.shard)
    )
    if part.since_milliseconds is not None:
        # In microseconds, as Iceberg keeps it
        near = And(near, _at_least("arrival_timestamp", part.since_milliseconds * 1000))
    return near


def _at(domain: Domain, name: str, table: Table) -> TableAt:
    snapshot, updated = table.current_snapshot(), table.metadata.last_updated_ms
    if snapshot is None:
        return TableAt(name, None, updated, 0, Published(domain=domain))
    where = f"{name}, snapshot {snapshot.snapshot_id}"
    rows = int(_said(snapshot, "total-records") or 0)
    text = _positions(table, snapshot)
    if text is None and rows:
        raise UnreadableObject(
            f"{where} does not say which ranges it was made from ({SUMMARY_KEY}): "
            "it was not written by the ETL job"
        )
    published = decode_published(text, where) if text else Published(domain=domain)
    return TableAt(name, snapshot.snapshot_id, updated, rows, published)


def _positions(table: Table, snapshot: Snapshot) -> str | None:
    """Return the positions of a snapshot; a commit of somebody else's has those of the one before.

    None where no snapshot that is left says any.
    """
    at: Snapshot | None = snapshot
    while at is not None:
        if text := _said(at, SUMMARY_KEY):
            return text
        parent = at.parent_snapshot_id
        at = None if parent is None else table.snapshot_by_id(parent)
    return None


def _said(snapshot: Snapshot, key: str) -> str | None:
    return None if snapshot.summary is None else snapshot.summary.additional_properties.get(key)
