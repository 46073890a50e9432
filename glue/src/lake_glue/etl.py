"""One run of a domain's ETL: new ranges into the events table, then the aggregates of what it has.

Every step may be done again, and a run goes on where the last one ended, well or not.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

import msgspec
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the field's own name

from lake_core.catalog import (
    CUSTOMERS,
    ECOMMERCE_DAILY,
    EVENT_TIME,
    HIVE_TYPES,
    MACHINE_DAILY,
    MANUFACTURING_DAILY,
    CuratedTable,
    events_table,
)
from lake_core.layout import ANALYTICS, Chain
from lake_core.names import Domain
from lake_core.published import SUMMARY_KEY, Published, decode_published, encode_published
from lake_core.rules import DEFAULT, RuleSet
from lake_core.schema import stored_columns
from lake_glue import aggregates
from lake_glue.identities import Identities
from lake_glue.ranges import LakeObjects, NewRanges, new_ranges
from lake_glue.settings import Settings
from lake_glue.snapshots import Moved
from lake_glue.staging import StagedObjects, Staging, remove_litter
from lake_glue.tables import Branch, Curated
from lake_glue.transforms import IDENTITY, PLACE, each_identity_once, with_efficiency

log = logging.getLogger(__name__)
SOURCE_KEY: Final = "lake.source-snapshot"  # in an aggregate's summary
_CHAIN_COLUMNS: Final = (("incarnation", "string"), ("shard", "string"))
ATTEMPTS: Final = 5  # at publishing, when other runs come first
COMPACTED_FROM: Final = 8  # files of a partition


class Bucket(LakeObjects, StagedObjects, Protocol):
    """The lake's bucket as a run needs it."""


@dataclass(slots=True)
class Report:
    """What a run did; written beside the tables, and said as its last log line."""

    run_id: str
    domain: str
    ranges: int = 0
    rows_read: int = 0
    rows_appended: int = 0
    duplicates: int = 0
    files_compacted: int = 0
    snapshot: str | None = None
    set_aside: list[dict[str, str]] = field(default_factory=list)
    aggregates: list[str] = field(default_factory=list)  # tables that were remade
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def said(self) -> dict[str, Any]:
        """The figures of the last log line."""
        return {
            "ranges": self.ranges, "rows_appended": self.rows_appended,
            "duplicates": self.duplicates, "set_aside": len(self.set_aside),
            "files_compacted": self.files_compacted,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate table and how its rows are made."""

    table: CuratedTable
    make: Callable[[DataFrame, RuleSet], DataFrame]
    key: str  # the column whose touched values are remade


AGGREGATES: Final = {
    Domain.MANUFACTURING: (
        Aggregate(MACHINE_DAILY, aggregates.machine_daily, "event_date"),
        Aggregate(MANUFACTURING_DAILY, aggregates.manufacturing_daily, "event_date"),
    ),
    Domain.ECOMMERCE: (
        Aggregate(CUSTOMERS, aggregates.customers, "customer_id"),
        Aggregate(ECOMMERCE_DAILY, aggregates.ecommerce_daily, "event_date"),
    ),
}


class Etl:
    """The run of one domain."""

    def __init__(
        self, spark: SparkSession, settings: Settings, lake: Bucket, domain: Domain
    ) -> None:
        self._spark = spark
        self._settings = settings
        self._lake = lake
        self._domain = domain
        self._events = Curated(spark, events_table(domain), settings.bucket)
        self._aggregates = [
            (one, Curated(spark, one.table, settings.bucket)) for one in AGGREGATES[domain]
        ]
        self._report = Report(settings.run_id, domain)

    def run(self) -> Report:
        """Publish what is new, bring the aggregates up to it, write the report.

        Raises:
            TransientError: the lake cannot be read now, or other runs always came first.
        """
        self._timed("tables", self._events.make)
        self._timed("events", self._publish_events)
        self._timed("compaction", self._compact)
        for aggregate, table in self._aggregates:
            publish = partial(self._publish_aggregate, aggregate, table)
            self._timed(aggregate.table.name, publish)
        self._timed("expiry", self._expire)
        key = f"{ANALYTICS}{self._domain}/reports/{self._settings.run_id}.json"
        self._lake.write(key, msgspec.json.format(msgspec.json.encode(self._report), indent=2))
        return self._report

    def _timed(self, name: str, work: Callable[[], None]) -> None:
        began = time.monotonic()
        work()
        self._report.seconds[name] = round(time.monotonic() - began, 2)
        log.info("%s: %s", self._domain, name, extra={"seconds": self._report.seconds[name]})

    # --- events

    def _publish_events(self) -> None:
        for _ in range(ATTEMPTS - 1):
            try:
                return self._publish_new()
            except Moved as moved:
                log.warning("%s; beginning again", moved)
        return self._publish_new()

    def _publish_new(self) -> None:
        staging = Staging(self._lake, self._domain, self._settings.run_id)
        try:
            self._publish_staged(staging)
        finally:
            staging.remove()

    def _publish_staged(self, staging: Staging) -> None:
        base, now = self._events.current(), int(time.time() * 1000)
        found = new_ranges(self._lake, self._domain, self._published(base), now, staging.add)
        staging.flush()
        self._note(found)
        self._report.snapshot = str(base)
        if not found.changed:
            return
        rows, known = self._rows(staging.keys), self._known(staging.identities, base)
        # Nearly always no event can be there twice, and none need be looked up one by one.
        exact = staging.identities.repeat() or not known.isEmpty()
        appended = self._appended(rows, known) if exact else found.rows
        duplicates = {chain: count - appended.get(chain, 0) for chain, count in found.rows.items()}
        summary = {SUMMARY_KEY: encode_published(_with_duplicates(found.published, duplicates))}

        def write(branch: Branch) -> None:
            new = self._shaped(rows)
            if sum(duplicates.values()):
                new = each_identity_once(new, known)
            branch.append(new, summary)

        self._report.snapshot = str(self._events.publish(base, self._settings.run_id, write))
        self._report.rows_appended = sum(appended.values())
        self._report.duplicates = sum(duplicates.values())

    def _published(self, snapshot: int | None) -> Published:
        text = self._events.snapshots.said(snapshot, SUMMARY_KEY)
        where = f"{self._events.name}@{snapshot}"
        return decode_published(text, where) if text else Published(domain=self._domain)

    def _note(self, found: NewRanges) -> None:
        self._report.ranges = len(found.keys)
        self._report.rows_read = sum(found.rows.values())
        self._report.set_aside = [{"key": o.key, "reason": o.reason} for o in found.unreadable]
        for one in found.unreadable:
            log.error("set aside: %s", one.reason, extra={"key": one.key})

    def _rows(self, keys: Sequence[str]) -> DataFrame:
        """Return the rows of the new ranges."""
        columns = [(c.name, HIVE_TYPES[c.kind]) for c in stored_columns(self._domain)]
        schema = ", ".join(f"{n} {t}" for n, t in (*columns, *_CHAIN_COLUMNS))
        if not keys:
            return self._spark.createDataFrame([], schema)
        paths = [f"s3://{self._settings.bucket}/{key}" for key in keys]
        return self._spark.read.schema(schema).parquet(*paths)

    def _shaped(self, rows: DataFrame) -> DataFrame:
        names = [column.name for column in self._events.declared.columns]
        return with_efficiency(self._domain, rows).select(*names)

    def _appended(self, rows: DataFrame, known: DataFrame) -> Mapping[Chain, int]:
        """Return how many rows of each chain have an identity that is new."""
        once = each_identity_once(rows.select(*IDENTITY, *PLACE), known)
        counted = once.groupBy("incarnation", "shard").count().collect()
        return {Chain(self._domain, one[0], one[1]): one[2] for one in counted}

    def _known(self, new: Identities, base: int | None) -> DataFrame:
        """Return the table's rows that can have an identity of the new ones."""
        source, row = (F.col(name) for name in IDENTITY)
        held = self._events.rows(base).where(source.isin(new.sources) & row.between(*new.span))
        return held.select(*IDENTITY)

    def _compact(self) -> None:
        if not self._report.rows_appended:
            return
        try:
            self._report.files_compacted = self._events.compact(COMPACTED_FROM)
        except Moved as moved:  # what is left to compact, the next run does
            log.warning("%s; left to it", moved)

    # --- aggregates

    def _publish_aggregate(self, aggregate: Aggregate, table: Curated) -> None:
        table.make()
        for attempt in range(ATTEMPTS):
            base, source = table.current(), self._events.current()
            made_from = table.snapshots.said(base, SOURCE_KEY)
            if made_from == str(source):
                return
            touched = self._touched(aggregate, made_from, source)
            try:
                remake = partial(self._remake, aggregate, touched, source)
                table.publish(base, self._settings.run_id, remake)
            except Moved:
                if attempt == ATTEMPTS - 1:
                    raise
            else:
                return

    def _touched(
        self, aggregate: Aggregate, made_from: str | None, source: int | None
    ) -> DataFrame | None:
        """Return the keys with new events since then; None: all are to be remade."""
        if made_from is None or source is None:
            return None
        if not self._events.snapshots.descends(source, int(made_from)):
            return None
        added = self._events.appended_between(int(made_from), source)
        return _keyed(aggregate, self._domain, added).select(aggregate.key).distinct()

    def _remake(
        self, aggregate: Aggregate, touched: DataFrame | None, source: int | None, branch: Branch
    ) -> None:
        events = _keyed(aggregate, self._domain, self._events.rows(source))
        if touched is not None:
            events = events.join(F.broadcast(touched), on=aggregate.key, how="left_semi")
        names = [column.name for column in aggregate.table.columns]
        rows = aggregate.make(events, DEFAULT).select(*names)
        if touched is not None:
            others = branch.rows().join(F.broadcast(touched), on=aggregate.key, how="left_anti")
            rows = others.select(*names).unionByName(rows)
        branch.replace_all(rows.coalesce(1), {SOURCE_KEY: str(source)})
        self._report.aggregates.append(aggregate.table.name)

    def _expire(self) -> None:
        now = dt.datetime.now(dt.UTC)
        for table in (self._events, *(table for _, table in self._aggregates)):
            table.expire(now)
        remove_litter(self._lake, self._domain, int(now.timestamp() * 1000))


def _keyed(aggregate: Aggregate, domain: Domain, events: DataFrame) -> DataFrame:
    if aggregate.key != "event_date":
        return events
    return events.withColumn("event_date", F.to_date(EVENT_TIME[domain]))


def _with_duplicates(published: Published, duplicates: Mapping[Chain, int]) -> Published:
    chains = tuple(
        msgspec.structs.replace(
            one, duplicates=one.duplicates + duplicates.get(one.chain(published.domain), 0)
        )
        for one in published.chains
    )
    return msgspec.structs.replace(published, chains=chains)
