"""The rows of the new ranges in few large files, for Spark to read.

The driver has read every range anyway, to compare digests. A thousand small objects would cost
Spark more in requests than their rows cost in work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from lake_core.layout import ANALYTICS, RangeName
from lake_core.names import Domain

FILE_ROWS: Final = 1_000_000  # 10 to 30 MB; held in memory until they are written


class StagedObjects(Protocol):
    """Where staged files are put."""

    def write(self, key: str, body: bytes) -> None:
        """Put an object."""
        ...

    def remove(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there are no error."""
        ...


class Staging:
    """Takes ranges, writes files; `remove` when the rows are published, or never will be."""

    def __init__(self, objects: StagedObjects, domain: Domain, run: str) -> None:
        self.keys: list[str] = []
        self._objects = objects
        self._prefix = f"{staging_prefix(domain)}{run}/"
        self._held: list[pa.Table] = []
        self._rows = 0

    def add(self, name: RangeName, table: pa.Table) -> None:
        """Take a range: rows of `lake_schema`; its chain becomes two columns."""
        if not table.num_rows:
            return
        for column, value in (
            ("incarnation", name.chain.incarnation),
            ("shard", name.chain.shard),
        ):
            table = table.append_column(column, pa.repeat(pa.scalar(value), table.num_rows))
        self._held.append(table)
        self._rows += table.num_rows
        if self._rows >= FILE_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        if not self._held:
            return
        sink = pa.BufferOutputStream()
        pq.write_table(pa.concat_tables(self._held), sink, compression="zstd")
        key = f"{self._prefix}{len(self.keys):05d}.parquet"
        self._objects.write(key, sink.getvalue().to_pybytes())
        self.keys.append(key)
        self._held, self._rows = [], 0

    def remove(self) -> None:
        """Remove the files."""
        self._objects.remove(self.keys)
        self.keys, self._held, self._rows = [], [], 0


def staging_prefix(domain: Domain) -> str:
    """Return where staged files lie; whatever is there and old is litter of a dead run."""
    return f"{ANALYTICS}{domain}/staging/"
