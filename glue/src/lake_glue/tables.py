"""The curated tables: made from their declaration in core, and published to one commit at a time.

A publication is prepared on a branch of its own and becomes the table by one step, which succeeds
only if the table is still what the branch began from. So a run that dies leaves the table as it
was, and of two runs at once one is refused.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the field's own name

from lake_core.catalog import HIVE_TYPES, CuratedTable
from lake_core.errors import InputError
from lake_core.names import GLUE_DATABASE
from lake_glue.session import CATALOG, table_name
from lake_glue.snapshots import Moved, Snapshots, lost_to_another

log = logging.getLogger(__name__)
KEPT_SNAPSHOTS: Final = 10  # what `rollback` can go back over, however old
KEPT_DAYS: Final = 7
DROP_ATTEMPTS: Final = 5
BRANCH_HOURS: Final = 24  # a branch whose run died is kept so long at most
PROPERTIES: Final = {
    "format-version": "2",
    "write.parquet.compression-codec": "zstd",
    "write.distribution-mode": "hash",  # one file a month and run
    # Rows are sorted by month first: a file open for each month of years would fill the memory.
    "write.spark.fanout.enabled": "false",
    "write.target-file-size-bytes": str(256 * 1024 * 1024),
    "commit.retry.num-retries": "10",
    "history.expire.min-snapshots-to-keep": str(KEPT_SNAPSHOTS),
}


class Curated:
    """One table in Spark."""

    def __init__(self, spark: SparkSession, table: CuratedTable, bucket: str) -> None:
        self._spark = spark
        self._bucket = bucket
        self.declared = table
        self.name = table_name(table.name)
        self._loaded: Snapshots | None = None

    def make(self) -> None:
        """Make the table if there is none; add the columns it lacks."""
        found = Snapshots.find(self._spark, self.name)
        if found is None:
            self._create()
        else:
            self._add_columns(found.columns)
        self._loaded = found = Snapshots(self._spark, self.name)
        if found.head is None:  # a branch needs a snapshot to begin from
            self.rows().limit(0).writeTo(self.name).append()
            found.refresh()

    def _create(self) -> None:
        columns = ", ".join(
            f"{c.name} {HIVE_TYPES[c.kind]} COMMENT '{c.description}'"
            for c in self.declared.columns
        )
        partitioned = (
            f"PARTITIONED BY ({self.declared.partition})" if self.declared.partition else ""
        )
        properties = ", ".join(f"'{key}'='{value}'" for key, value in PROPERTIES.items())
        self._spark.sql(
            f"CREATE TABLE IF NOT EXISTS {self.name} ({columns}) USING iceberg "
            f"{partitioned} COMMENT '{self.declared.description}' "
            f"LOCATION 's3://{self._bucket}/{self.declared.prefix.rstrip('/')}' "
            f"TBLPROPERTIES ({properties})"
        )

    def _add_columns(self, there: set[str]) -> None:
        new = [c for c in self.declared.columns if c.name not in there]
        if new:
            added = ", ".join(
                f"{c.name} {HIVE_TYPES[c.kind]} COMMENT '{c.description}'" for c in new
            )
            self._spark.sql(f"ALTER TABLE {self.name} ADD COLUMNS ({added})")
            log.info("columns added", extra={"table": self.name, "columns": [c.name for c in new]})

    @property
    def snapshots(self) -> Snapshots:
        """What is known of its snapshots; `current` looks anew."""
        if self._loaded is None:
            self._loaded = Snapshots(self._spark, self.name)
        return self._loaded

    def current(self) -> int | None:
        """Return the id of the snapshot that is current now."""
        self.snapshots.refresh()
        return self.snapshots.head

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
        if base is None:
            raise ValueError(f"{self.name} has no snapshot to begin from: `make` it first")
        # A name of its own: two runs of the same name must not write on one branch.
        name = f"run_{_word(run)}_{uuid.uuid4().hex[:8]}"
        self.snapshots.begin_branch(name, base, BRANCH_HOURS)
        try:
            write(Branch(self._spark, self.name, name))
            self.snapshots.refresh()
            self.snapshots.publish_branch(name)
        except BaseException:
            self._forget(name)
            raise
        return self.current()

    def _forget(self, branch: str) -> None:
        for _ in range(DROP_ATTEMPTS):  # another run may publish at just that moment
            try:
                self.snapshots.drop_branch(branch)
            except Moved:
                continue
            return
        log.warning("branch %s stays for %d hours", branch, BRANCH_HOURS)

    def compact(self, files: int) -> int:
        """Put small files together where a partition has at least so many; return how many went.

        The snapshot it makes says nothing of positions: what the one before says still holds. So
        it may run while another run publishes.

        Raises:
            Moved: another run has put the same files together meanwhile.
        """
        if int(self.snapshots.said(self.current(), "total-data-files") or 0) < files:
            return 0
        with lost_to_another(f"{self.name} was compacted by another run"):
            went = self._call("rewrite_data_files", f"options => map('min-input-files', '{files}')")
        return int(went["rewritten_data_files_count"])

    def expire(self, now: dt.datetime) -> None:
        """Let go of snapshots that are neither young nor among the last few; once a day."""
        written, before = self.snapshots.written(), now - dt.timedelta(days=KEPT_DAYS)
        if len(written) <= KEPT_SNAPSHOTS or min(written) > before - dt.timedelta(days=1):
            return
        self._call(
            "expire_snapshots",
            f"older_than => TIMESTAMP '{before:%Y-%m-%d %H:%M:%S}'",
            f"retain_last => {KEPT_SNAPSHOTS}",
        )

    def _call(self, procedure: str, *arguments: str) -> Any:
        target = f"table => '{GLUE_DATABASE}.{self.declared.name}'"
        words = ", ".join((target, *arguments))
        return self._spark.sql(f"CALL {CATALOG}.system.{procedure}({words})").collect()[0]

    def roll_back(self) -> tuple[int, int]:
        """Return to the state before the last publication; return both snapshots, new and old.

        Raises:
            InputError: there is none.
        """
        current = self.current()
        before = self.snapshots.before_publication(current)
        if current is None or before is None:
            raise InputError(f"{self.name} has no snapshot before its last publication")
        self.snapshots.roll_back(before)
        return before, current


class Branch:
    """A branch of a table, on which one run prepares what it publishes."""

    def __init__(self, spark: SparkSession, table: str, name: str) -> None:
        self._spark = spark
        self._table = table
        self.name = name

    def rows(self) -> DataFrame:
        """Return the rows as they are on the branch."""
        return self._spark.read.option("branch", self.name).table(self._table)

    def append(self, rows: DataFrame, summary: Mapping[str, str]) -> None:
        """Append rows in one commit whose summary says this."""
        self._writer(rows, summary).append()

    def replace_all(self, rows: DataFrame, summary: Mapping[str, str]) -> None:
        """Put rows in the place of all there are, in one commit."""
        self._writer(rows, summary).overwrite(F.lit(True))

    def _writer(self, rows: DataFrame, summary: Mapping[str, str]) -> Any:
        writer = rows.writeTo(f"{self._table}.branch_{self.name}")
        for key, value in summary.items():
            writer = writer.option(f"snapshot-property.{key}", value)
        return writer


def _word(run: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in run)
