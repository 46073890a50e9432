"""The packing `arrow-zstd`: columns instead of JSON. Only imported where it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ingestor.records import SAFE_PAYLOAD_BYTES
from ingestor.shard_rows import ShardKeys, by_shard
from ingestor.shards import Shard, ShardMap
from lake_core.arrow import WORDS, event_batch, event_schema
from lake_core.arrow_packed import pack_rows
from lake_core.events import Event
from lake_core.names import Domain

_STREAM_BYTES: Final = 16 * 1024  # schema, messages and padding of a record, more than they take
_VALUE_BYTES: Final = 9  # of a row in a column, with what marks it as there; words come on top
# A dictionary longer than this is cut to the words of its record before it is packed.
_FEW_WORDS: Final = 64

Part = pa.RecordBatch | Event


@dataclass(frozen=True, slots=True)
class ArrowPacker:
    """`arrow-zstd`. An entry is an event, or many as columns. See `records.Packer`."""

    domain: Domain

    def entry(self, event: Event) -> Part:
        """Return the event as it is."""
        return event

    def size(self, entry: Part) -> int:
        """Return how many bytes an event adds to a payload, about."""
        del entry
        return self._row_bytes

    def rows(self, rows: pa.RecordBatch, known: ShardMap) -> Iterator[tuple[Shard, ColumnRows]]:
        """Yield the rows of each shard."""
        for keys in by_shard(self.domain, rows, known):
            yield keys.shard, ColumnRows(keys, keys.of(rows), self._row_bytes)

    def pack(
        self, entries: Sequence[Part], events: int, hash_key: str
    ) -> Iterable[tuple[bytes, int]]:
        """Return the records, several where columns do not compress at all."""
        del events, hash_key
        for rows in _fitting(_joined(self.domain, entries)):
            yield pack_rows(rows), rows.num_rows

    @property
    def _row_bytes(self) -> int:
        return _VALUE_BYTES * len(event_schema(self.domain))


@dataclass(frozen=True, slots=True)
class ColumnRows:
    """Rows of one shard. See `records.PackerRows`."""

    keys: ShardKeys
    columns: pa.RecordBatch
    row_bytes: int

    def end(self, start: int, room: int) -> int:
        """Return how far rows from `start` on fit into so many bytes."""
        return min(start + max(0, room) // self.row_bytes, self.keys.count)

    def size(self, start: int, end: int) -> int:
        """Return how many bytes rows add to a payload, about."""
        return (end - start) * self.row_bytes

    def entries(self, start: int, end: int) -> list[Part]:
        """Return what a record of these rows is made of."""
        return [self.columns.slice(start, end - start)]


def _joined(domain: Domain, parts: Sequence[Part]) -> pa.RecordBatch:
    """Return rows and events, in order, as one batch with no more words than it needs."""
    batches: list[pa.RecordBatch] = []
    for alone, run in groupby(parts, lambda part: not isinstance(part, pa.RecordBatch)):
        made: list[Any] = list(run)
        batches += [event_batch(domain, made)] if alone else made
    table = pa.Table.from_batches(batches).unify_dictionaries().combine_chunks()
    (batch,) = table.to_batches()
    arrays: list[Any] = [_with_few_words(array) for array in batch.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _with_few_words(array: Any) -> Any:
    if array.type != WORDS or len(array.dictionary) <= _FEW_WORDS:
        return array
    return pc.dictionary_encode(array.dictionary_decode())


def _fitting(rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Halve rows until each batch is sure to fit into a record, even if nothing compresses."""
    size = rows.get_total_buffer_size() + _STREAM_BYTES
    if rows.num_rows > 1 and size > SAFE_PAYLOAD_BYTES:
        half = rows.num_rows // 2
        for part in (rows.slice(0, half), rows.slice(half)):
            yield from _fitting(_copied(part))
    else:
        yield rows


def _copied(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Return a slice with buffers and words of its own."""
    columns: list[Any] = rows.columns
    arrays = [
        pc.dictionary_encode(array.dictionary_decode()) if array.type == WORDS else array
        for array in columns
    ]
    batch = pa.RecordBatch.from_arrays(arrays, schema=rows.schema)
    return batch.take(pa.array(range(rows.num_rows), pa.int32()))
