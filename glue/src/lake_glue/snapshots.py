"""The snapshots and branches of a table, by Iceberg's own interface: no Spark job for a look-up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

from lake_core.errors import TransientError

MAIN: Final = "main"
_NO_TABLE: Final = "TABLE_OR_VIEW_NOT_FOUND"
# Iceberg's words for a branch that is not the beginning of the other any more, and for a rewrite
# whose files are replaced already.
_LOST: Final = (
    "CommitFailedException",
    "is not an ancestor of",
    "conflicted with another concurrent Iceberg operation",
)


class Moved(TransientError):  # noqa: N818 - what happened
    """Another run has published to the table meanwhile: begin again from what it published."""


@contextmanager
def lost_to_another(what: str) -> Iterator[None]:
    """Have a change that Iceberg refuses because another run came first raise Moved, which says so.

    Raises:
        Moved: `what`, of a change that was refused for that.
    """
    try:
        yield
    except Exception as error:
        if any(words in str(error) for words in _LOST):
            raise Moved(what) from error
        raise


class Snapshots:
    """What Iceberg knows of one table, as of the last `refresh`."""

    def __init__(self, spark: SparkSession, name: str) -> None:
        self._name = name
        java: Any = spark
        # PySpark shows no other way to the table than the JVM's.
        self._table = java._jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(
            java._jsparkSession, name
        )

    @classmethod
    def find(cls, spark: SparkSession, name: str) -> Snapshots | None:
        """Return them; None where there is no such table."""
        try:
            return cls(spark, name)
        except AnalysisException as error:
            if error.getErrorClass() == _NO_TABLE:
                return None
            raise

    def refresh(self) -> None:
        """See what others have committed."""
        self._table.refresh()

    @property
    def columns(self) -> set[str]:
        """The names of the columns."""
        return {field.name() for field in self._table.schema().columns()}

    @property
    def head(self) -> int | None:
        """The current snapshot."""
        current = self._table.currentSnapshot()
        return None if current is None else int(current.snapshotId())

    def written(self) -> list[dt.datetime]:
        """Return when the snapshots that are kept were written."""
        kept = self._table.snapshots().iterator()
        return [dt.datetime.fromtimestamp(one.timestampMillis() / 1000, dt.UTC) for one in kept]

    def said(self, snapshot: int | None, key: str) -> str | None:
        """Return what the summary of a snapshot says under a key.

        Where it says nothing, because somebody has compacted the table, what the nearest snapshot
        before it says.
        """
        for one in self._back_from(snapshot):
            text = one.summary().get(key)
            if text is not None:
                return str(text)
        return None

    def descends(self, snapshot: int, ancestor: int) -> bool:
        """Whether a snapshot has grown out of another."""
        return any(one.snapshotId() == ancestor for one in self._back_from(snapshot))

    def before_publication(self, snapshot: int | None) -> int | None:
        """Return the snapshot before the last one that changed rows; None: there is none."""
        for one in self._back_from(snapshot):
            if one.operation() != "replace":  # compaction changes files, not rows
                parent = one.parentId()
                return parent if self._table.snapshot(parent or 0) else None
        return None

    def _back_from(self, snapshot: int | None) -> Iterator[Any]:
        while snapshot is not None and (one := self._table.snapshot(snapshot)) is not None:
            yield one
            snapshot = one.parentId()

    def begin_branch(self, name: str, snapshot: int, hours: int) -> None:
        """Make a branch that is kept for so long at most."""
        age = hours * 3_600_000
        self._commit(
            lambda: self._changed().createBranch(name, snapshot).setMaxRefAgeMs(name, age).commit()
        )

    def publish_branch(self, name: str) -> None:
        """Make a branch the table, and let it go, in one commit.

        Raises:
            Moved: the table is not what the branch began from.
        """
        self._commit(
            lambda: self._changed().fastForwardBranch(MAIN, name).removeBranch(name).commit()
        )

    def drop_branch(self, name: str) -> None:
        """Let a branch go, if it is there."""
        self.refresh()
        if name in self._table.refs():
            self._commit(lambda: self._changed().removeBranch(name).commit())

    def roll_back(self, snapshot: int) -> None:
        """Make a snapshot before the current one the current one."""
        self._commit(lambda: self._changed().rollbackTo(snapshot).commit())

    def _changed(self) -> Any:
        return self._table.manageSnapshots()

    def _commit(self, work: Callable[[], None]) -> None:
        with lost_to_another(f"{self._name} was published to by another run"):
            work()
