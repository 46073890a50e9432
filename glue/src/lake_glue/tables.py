"""The curated tables: made from their declaration in core, and published to one commit at a time.

A publication is prepared on a branch of its own and becomes the table by one step, which succeeds
only if the table is still what the branch began from. So a run that dies leaves the table as it
was, and of two runs at once one is refused.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the field's own name

from lake_core.catalog import HIVE_TYPES, CuratedTable
from lake_core.errors import InputError, TransientError
from lake_core.names import GLUE_DATABASE
from lake_glue.session import CATALOG, table_name

log = logging.getLogger(__name__)
KEPT_SNAPSHOTS: Final = 10  # what `rollback` can go back over, however old
KEPT_DAYS: Final = 7
BRANCH_DAYS: Final = 1.0  # a branch whose run died is kept so long at most
PROPERTIES: Final = {
    "format-version": "2",
    "write.parquet.compression-codec": "zstd",
    "write.distribution-mode": "hash",  # one file a month and run
    "write.target-file-size-bytes": str(256 * 1024 * 1024),
    "commit.retry.num-retries": "10",
    "history.expire.min-snapshots-to-keep": str(KEPT_SNAPSHOTS),
}


class Moved(TransientError):  # noqa: N818 - what happened
    """Another run has published to the table meanwhile: begin again from what it published."""


class Curated:
    """One table in Spark."""

    def __init__(self, spark: SparkSession, table: CuratedTable, bucket: str) -> None:
        self._spark = spark
        self._bucket = bucket
        self.declared = table
        self.name = table_name(table.name)

    def make(self) -> None:
        """Make the table if there is none; add the columns it lacks."""
        partitioned = (
            f"PARTITIONED BY ({self.declared.partition})" if self.declared.partition else ""
        )
        properties = ", ".join(f"'{key}'='{value}'" for key, value in PROPERTIES.items())
        self._spark.sql(
            f"CREATE TABLE IF NOT EXISTS {self.name} ({self._columns()}) USING iceberg "
            f"{partitioned} COMMENT '{self.declared.description}' "
            f"LOCATION 's3://{self._bucket}/{self.declared.prefix.rstrip('/')}' "
            f"TBLPROPERTIES ({properties})"
        )
        there = set(self._spark.table(self.name).columns)
        new = [c for c in self.declared.columns if c.name not in there]
        if new:
            added = ", ".join(
                f"{c.name} {HIVE_TYPES[c.kind]} COMMENT '{c.description}'" for c in new
            )
            self._spark.sql(f"ALTER TABLE {self.name} ADD COLUMNS ({added})")
            log.info("columns added", extra={"table": self.name, "columns": [c.name for c in new]})
        if self.snapshot is None:  # a branch needs a snapshot to begin from
            self.rows().limit(0).writeTo(self.name).append()

    def _columns(self) -> str:
        return ", ".join(
            f"{c.name} {HIVE_TYPES[c.kind]} COMMENT '{c.description}'"
            for c in self.declared.columns
        )

    @property
    def snapshot(self) -> int | None:
        """The current snapshot's id; None where nothing was ever published."""
        return _head(self._spark, self.name, "main")

    def said(self, snapshot: int | None, key: str) -> str | None:
        """Return what the summary of a snapshot says under a key.

        Where it says nothing, because somebody else has compacted the table, what the nearest
        snapshot before it says.
        """
        history = self._history()
        while snapshot is not None and snapshot in history:
            parent, summary = history[snapshot]
            if key in summary:
                return summary[key]
            snapshot = parent
        return None

    def descends(self, snapshot: int, ancestor: int) -> bool:
        """Whether a snapshot has grown out of another."""
        history, one = self._history(), snapshot
        while one != ancestor:
            parent = history.get(one, (None, {}))[0]
            if parent is None:
                return False
            one = parent
        return True

    def _history(self) -> dict[int, tuple[int | None, Mapping[str, str]]]:
        found = self._spark.table(f"{self.name}.snapshots")
        rows = found.select("snapshot_id", "parent_id", "summary").collect()
        return {int(one[0]): (one[1], one[2]) for one in rows}

    def appended_between(self, after: int, through: int) -> DataFrame:
        """Return the rows appended behind a snapshot, up to another one that grew out of it."""
        return (
            self._spark.read.option("start-snapshot-id", after)
            .option("end-snapshot-id", through)
            .table(self.name)
        )

    def rows(self, snapshot: int | None = None) -> DataFrame:
        """Return the rows as of a snapshot; None: of the current one."""
        if snapshot is None:
            return self._spark.table(self.name)
        return self._spark.read.option("snapshot-id", snapshot).table(self.name)

    def publish(self, base: int | None, run: str, write: Callable[[Branch], None]) -> int | None:
        """Let `write` prepare a branch from snapshot `base`, and make it the table.

        Returns the snapshot that is current then.

        Raises:
            Moved: the table is not what it was at `base`.
        """
        branch = Branch(self._spark, self.name, f"run_{_word(run)}")
        branch.begin(base)
        try:
            write(branch)
            self._fast_forward(branch)
        finally:
            branch.drop()
        return self.snapshot

    def _fast_forward(self, branch: Branch) -> None:
        try:
            self._call("fast_forward", "branch => 'main'", f"to => '{branch.name}'")
        except Exception as error:
            text = str(error)
            if "is not an ancestor of" in text or "CommitFailedException" in text:
                raise Moved(f"{self.name} was published to by another run") from error
            raise

    def compact(self, files: int) -> int:
        """Put small files together where a partition has at least so many; return how many went.

        The snapshot it makes says nothing of positions: what the one before says still holds. So
        it may run while another run publishes.
        """
        found = self._spark.table(f"{self.name}.files").groupBy("partition").count()
        if not found.where(F.col("count") >= files).head(1):
            return 0
        went = self._call("rewrite_data_files", f"options => map('min-input-files', '{files}')")
        return int(went["rewritten_data_files_count"])

    def expire(self, now: dt.datetime) -> None:
        """Let go of snapshots that are neither young nor among the last few."""
        if len(self._history()) <= KEPT_SNAPSHOTS:
            return
        before = (now - dt.timedelta(days=KEPT_DAYS)).astimezone(dt.UTC)
        self._call(
            "expire_snapshots",
            f"older_than => TIMESTAMP '{before:%Y-%m-%d %H:%M:%S}'",
            f"retain_last => {KEPT_SNAPSHOTS}",
        )

    def _call(self, procedure: str, *arguments: str) -> Row:
        target = f"table => '{GLUE_DATABASE}.{self.declared.name}'"
        words = ", ".join((target, *arguments))
        return self._spark.sql(f"CALL {CATALOG}.system.{procedure}({words})").collect()[0]

    def roll_back(self) -> tuple[int, int]:
        """Return to the state before the last publication; return both snapshots, new and old.

        Raises:
            InputError: there is none.
        """
        current = self.snapshot
        before = current and self._history()[current][0]
        if current is None or before is None:
            raise InputError(f"{self.name} has no snapshot before the current one")
        self._call("rollback_to_snapshot", f"snapshot_id => {before}")
        return before, current


class Branch:
    """A branch of a table, on which one run prepares what it publishes."""

    def __init__(self, spark: SparkSession, table: str, name: str) -> None:
        self._spark = spark
        self._table = table
        self.name = name

    def begin(self, base: int | None) -> None:
        """Begin at a snapshot; what a dead run of the same name left is forgotten."""
        at = "" if base is None else f"AS OF VERSION {base}"
        self._spark.sql(
            f"ALTER TABLE {self._table} CREATE OR REPLACE BRANCH {self.name} {at} "
            f"RETAIN {int(BRANCH_DAYS * 24)} HOURS"
        )

    def rows(self) -> DataFrame:
        """Return the rows as they are on the branch."""
        return self._spark.read.option("branch", self.name).table(self._table)

    def append(self, rows: DataFrame, summary: Mapping[str, str]) -> None:
        """Append rows in one commit whose summary says this."""
        self._writer(rows, summary).append()

    def replace_all(self, rows: DataFrame, summary: Mapping[str, str]) -> None:
        """Put rows in the place of all there are, in one commit."""
        self._writer(rows, summary).overwrite(F.lit(True))

    def drop(self) -> None:
        """Let the branch go; what it published stays."""
        self._spark.sql(f"ALTER TABLE {self._table} DROP BRANCH IF EXISTS {self.name}")

    def _writer(self, rows: DataFrame, summary: Mapping[str, str]) -> Any:
        writer = rows.writeTo(f"{self._table}.branch_{self.name}")
        for key, value in summary.items():
            writer = writer.option(f"snapshot-property.{key}", value)
        return writer


def _head(spark: SparkSession, table: str, branch: str) -> int | None:
    """Return the snapshot a branch ends at."""
    refs = spark.table(f"{table}.refs").where(F.col("name") == branch)
    found = refs.select("snapshot_id").first()
    return int(found[0]) if found else None


def _word(run: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in run)
