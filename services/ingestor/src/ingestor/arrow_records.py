"""The packing `arrow-zstd`: columns instead of JSON. Only imported where it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ingestor.records import SAFE_PAYLOAD_BYTES, OutgoingRecord
from ingestor.shards import Shard, ShardMap
from lake_core.arrow import WORDS, event_batch, event_schema
from lake_core.arrow_packed import pack_rows
from lake_core.events import Event
from lake_core.names import Domain
from lake_core.wire import MAX_EVENTS

_KEYS: Final = {Domain.MANUFACTURING: "machine_id", Domain.ECOMMERCE: "customer_id"}
_STREAM_BYTES: Final = 16 * 1024  # schema, messages and padding of a record, more than they take
_VALUE_BYTES: Final = 9  # of a row in a column, with what marks it as there; words come on top
# A dictionary longer than this is cut to the words of its record before it is packed.
_FEW_WORDS: Final = 64


@dataclass(slots=True)
class _Buffer:
    shard: Shard
    partition_key: str
    first_position: int
    since: float
    parts: list[pa.RecordBatch | Event] = field(default_factory=list)
    rows: int = 0


class ArrowRecords:
    """Records of many events, all of one shard, in the order they came. See `records.Records`."""

    def __init__(
        self,
        domain: Domain,
        shards: Callable[[], ShardMap],
        payload_bytes: int,
        linger_seconds: float,
    ) -> None:
        self._domain = domain
        self._shards = shards
        row_bytes = _VALUE_BYTES * len(event_schema(domain))
        self._full = min(max(1, payload_bytes // row_bytes), MAX_EVENTS)
        self._linger_seconds = linger_seconds
        self._buffers: dict[str, _Buffer] = {}
        self._map: ShardMap | None = None

    def entry(self, event: Event) -> Event:
        """Return the event as it is."""
        return event

    def add(self, key: str, entry: Event, position: int, now: float) -> Iterator[OutgoingRecord]:
        """Take an event; yield the records that are ready."""
        yield from self._look_at_map()
        yield from self._append_event(self._known().shard_of(key), key, entry, position, now)

    def add_rows(self, rows: pa.RecordBatch, position: int, now: float) -> Iterator[OutgoingRecord]:
        """Take neighbouring rows of `event_schema`; yield the records that are ready.

        `position` is the first one's; the others follow one by one.
        """
        yield from self._look_at_map()
        before = position - rows.column("event_row")[0].as_py()
        for shard, part in self._by_shard(rows):
            yield from self._append_rows(shard, part, before, now)

    def due(self, now: float) -> Iterator[OutgoingRecord]:
        """Yield what has waited long enough."""
        for buffer in list(self._buffers.values()):
            if now - buffer.since >= self._linger_seconds:
                yield from self._take(buffer)

    def rest(self) -> Iterator[OutgoingRecord]:
        """Yield what is left."""
        for buffer in list(self._buffers.values()):
            yield from self._take(buffer)

    def held_positions(self) -> list[int]:
        """Return where the rows that still wait here begin, one a shard."""
        return [buffer.first_position for buffer in self._buffers.values()]

    def _known(self) -> ShardMap:
        return self._map or self._shards()

    def _look_at_map(self) -> Iterator[OutgoingRecord]:
        if (current := self._shards()) is not self._map:
            yield from self.rest()
            self._map = current

    def _by_shard(self, rows: pa.RecordBatch) -> Iterator[tuple[Shard, pa.RecordBatch]]:
        known = self._known()
        if len(known.shards) == 1:
            yield known.shards[0], rows
            return
        keys: Any = rows.column(_KEYS[self._domain])
        words = keys if isinstance(keys, pa.DictionaryArray) else pc.dictionary_encode(keys)
        shards = [known.shard_of(str(key)) for key in words.dictionary.to_pylist()]
        numbers = {shard.shard_id: number for number, shard in enumerate(known.shards)}
        of_word = pa.array([numbers[shard.shard_id] for shard in shards], pa.int32())
        of_row = of_word.take(words.indices)
        for number, shard in enumerate(known.shards):
            part = rows.filter(pc.equal(of_row, pa.scalar(number, pa.int32())))
            if part.num_rows:
                yield shard, part

    def _append_event(
        self, shard: Shard, key: str, event: Event, position: int, now: float
    ) -> Iterator[OutgoingRecord]:
        buffer = self._buffer(shard, key, position, now)
        buffer.parts.append(event)
        buffer.rows += 1
        if buffer.rows >= self._full:
            yield from self._take(buffer)

    def _append_rows(
        self, shard: Shard, part: pa.RecordBatch, before: int, now: float
    ) -> Iterator[OutgoingRecord]:
        """Take rows of a shard; `before` is the position of the file's row 0."""
        start = 0
        while start < part.num_rows:
            rest = part.slice(start)
            position = before + rest.column("event_row")[0].as_py()
            key = str(rest.column(_KEYS[self._domain])[0].as_py())
            buffer = self._buffer(shard, key, position, now)
            taken = rest.slice(0, self._full - buffer.rows)
            buffer.parts.append(taken)
            buffer.rows += taken.num_rows
            start += taken.num_rows
            if buffer.rows >= self._full:
                yield from self._take(buffer)

    def _buffer(self, shard: Shard, key: str, position: int, now: float) -> _Buffer:
        buffer = self._buffers.get(shard.shard_id)
        if buffer is None:
            buffer = self._buffers[shard.shard_id] = _Buffer(shard, key, position, now)
        return buffer

    def _take(self, buffer: _Buffer) -> Iterator[OutgoingRecord]:
        del self._buffers[buffer.shard.shard_id]
        for rows in _fitting(_joined(self._domain, buffer.parts)):
            yield OutgoingRecord(
                pack_rows(rows),
                buffer.partition_key,
                buffer.shard.shard_id,
                buffer.shard.hash_key,
                rows.num_rows,
                buffer.first_position,
            )


def _joined(domain: Domain, parts: list[pa.RecordBatch | Event]) -> pa.RecordBatch:
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
