"""What a rival has put into S3, read back from its Parquet."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.rivals.stream import TRICKLE

_IDENTITY = ["event_source", "event_row"]
_TRICKLE = pa.scalar(TRICKLE, pa.string())


class StoredRows:
    """The Parquet objects of a bucket, as the emulator keeps them on disk."""

    def __init__(self, bucket: Path) -> None:
        self._bucket = bucket
        self._found: dict[Path, pa.Table] = {}
        self._sizes: dict[Path, int] = {}
        self.last_written = 0.0

    def count(self) -> int:
        """Rows of the data set in all objects that are whole."""
        for path in self._bucket.rglob("*.parquet"):
            status = path.stat()
            if self._sizes.get(path) == status.st_size:
                continue
            try:
                with path.open("rb") as file:
                    table = pq.ParquetFile(file).read(columns=_IDENTITY)
            except (OSError, pa.ArrowInvalid):
                continue  # it is being written
            kept = table.filter(pc.not_equal(table["event_source"].cast(pa.string()), _TRICKLE))
            self._found[path], self._sizes[path] = kept, status.st_size
            if kept.num_rows:
                self.last_written = max(self.last_written, status.st_mtime)
        return sum(table.num_rows for table in self._found.values())

    def distinct(self) -> int:
        """Different rows of the data set."""
        rows = [table["event_row"].cast(pa.int64()) for table in self._found.values()]
        chunks = [chunk for column in rows for chunk in column.chunks]
        return len(pc.unique(pa.chunked_array(chunks, pa.int64()))) if chunks else 0

    def files(self) -> list[tuple[int, int]]:
        """Rows and bytes of each object with rows of the data set."""
        return [
            (table.num_rows, self._sizes[path])
            for path, table in self._found.items()
            if table.num_rows
        ]
