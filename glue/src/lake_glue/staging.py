"""The rows of the new ranges in few large files, for Spark to read.

The driver has read every range anyway, to compare digests. A thousand small objects would cost
Spark more in requests than their rows cost in work.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from lake_core.layout import ANALYTICS, RangeName
from lake_core.names import Domain
from lake_glue.identities import Identities
from lake_glue.ranges import StoredObject

FILE_ROWS: Final = 1_000_000  # 10 to 30 MB; held in memory until they are written


# No run takes so long: Glue ends it after an hour.
LITTER_MILLISECONDS: Final = 24 * 3_600_000


class StagedObjects(Protocol):
    """Where staged files are put."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Yield what is below a prefix."""
        ...

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
        self.identities = Identities()
        self._objects = objects
        # A part of its own: two runs of the same name must not take each other's files.
        self._prefix = f"{staging_prefix(domain)}{run}/{uuid.uuid4().hex[:8]}-"
        self._held: list[pa.Table] = []
        self._rows = 0

    def add(self, name: RangeName, table: pa.Table) -> None:
        """Take a range: rows of `lake_schema`; its chain becomes two columns."""
        if not table.num_rows:
            return
        self.identities.add(table)
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


def remove_litter(objects: StagedObjects, domain: Domain, now_milliseconds: int) -> int:
    """Remove what runs that died have left; return how many objects that were."""
    old = [
        stored.key
        for stored in objects.list(staging_prefix(domain))
        if now_milliseconds - stored.written_milliseconds > LITTER_MILLISECONDS
    ]
    objects.remove(old)
    return len(old)


def staging_prefix(domain: Domain) -> str:
    """Return where staged files lie."""
    return f"{ANALYTICS}{domain}/staging/"
