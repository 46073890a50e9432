"""Makes Kinesis records of events: one each, or many of one shard packed together.

Events come one by one or as columns. What becomes of them on the way is their packing's business:
a record is made of its entries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

import msgspec

from ingestor.shards import Shard, ShardMap
from lake_core.events import Event
from lake_core.names import Domain
from lake_core.parsing import encode_event
from lake_core.wire import HEADER_BYTES, MAX_EVENTS, MAX_RECORD_BYTES

if TYPE_CHECKING:
    import pyarrow as pa

    from ingestor.shard_rows import ShardKeys

# Compression can at worst add a little; then a payload of this size still makes a legal record.
SAFE_PAYLOAD_BYTES: Final = MAX_RECORD_BYTES - HEADER_BYTES - 16 * 1024
PUT_UNIT_BYTES: Final = 25 * 1024  # what AWS bills, begun or full
_UNIT_SHARE: Final = 0.97  # of a unit is aimed at: one record compresses a little less than another

Entry = TypeVar("Entry")
Entry_co = TypeVar("Entry_co", covariant=True)


class OutgoingRecord(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A Kinesis record on its way, and which rows it carries. Each is itself, whatever it holds."""

    data: bytes
    partition_key: str
    shard_id: str
    hash_key: str | None  # explicit, where the record holds events of several keys
    events: int
    first_position: int  # of its earliest row, counted over all rows of the replay

    @property
    def size(self) -> int:
        """Bytes that count against Kinesis' limits."""
        return len(self.data) + len(self.partition_key.encode())


class Records(Protocol):
    """Makes records of events. Which rows wait here is told by their positions in the replay."""

    def entry(self, event: Event) -> Any:
        """Return what `add` takes of an event."""
        ...

    def add(self, key: str, entry: Any, position: int, now: float) -> Iterator[OutgoingRecord]:
        """Take an event; yield the records that are ready."""
        ...

    def add_rows(self, rows: pa.RecordBatch, position: int, now: float) -> Iterator[OutgoingRecord]:
        """Take neighbouring rows of `event_schema`, the first at a position; as `add`."""
        ...

    def due(self, now: float) -> Iterator[OutgoingRecord]:
        """Yield what has waited long enough."""
        ...

    def rest(self) -> Iterator[OutgoingRecord]:
        """Yield what is left."""
        ...

    def held_positions(self) -> list[int]:
        """Return where the rows that still wait here begin."""
        ...


class PlainRecords:
    """One record an event."""

    def __init__(self, domain: Domain, shards: Callable[[], ShardMap]) -> None:
        self._domain = domain
        self._shards = shards

    def entry(self, event: Event) -> bytes:
        """Return the event as JSON."""
        return encode_event(event)

    def add(self, key: str, raw: bytes, position: int, now: float) -> Iterator[OutgoingRecord]:
        """Take an event; yield the records that are ready."""
        del now
        yield OutgoingRecord(raw, key, self._shards().shard_of(key).shard_id, None, 1, position)

    def add_rows(self, rows: pa.RecordBatch, position: int, now: float) -> Iterator[OutgoingRecord]:
        """Take neighbouring rows, the first at a position; yield the records that are ready."""
        del now
        from ingestor.json_rows import JsonRows, lines_by_shard  # noqa: PLC0415 - Arrow, if any

        for keys, lines in lines_by_shard(self._domain, rows, self._shards()):
            objects, shard_id = JsonRows(keys, lines).objects(0, keys.count), keys.shard.shard_id
            for (key, raw), place in zip(objects, keys.places_from(position), strict=True):
                yield OutgoingRecord(raw, key, shard_id, None, 1, place)

    def due(self, now: float) -> Iterator[OutgoingRecord]:
        """Yield what has waited long enough: nothing ever waits here."""
        del now
        return iter(())

    def rest(self) -> Iterator[OutgoingRecord]:
        """Yield what is left."""
        return iter(())

    def held_positions(self) -> list[int]:
        """Return where the rows that still wait here begin."""
        return []


class PackerRows(Protocol[Entry_co]):
    """Rows of one shard in the shape that their packing takes."""

    @property
    def keys(self) -> ShardKeys:
        """Which rows these are, and their partition keys."""
        ...

    def end(self, start: int, room: int) -> int:
        """Return how far rows from `start` on fit into so many bytes; `start` if none does."""
        ...

    def size(self, start: int, end: int) -> int:
        """Return how many bytes rows add to a payload, at most."""
        ...

    def entries(self, start: int, end: int) -> Iterable[Entry_co]:
        """Return what a record of these rows is made of."""
        ...


class Packer(Protocol[Entry]):
    """A packed form. An entry is one event, or many, in the shape that `pack` takes."""

    def entry(self, event: Event) -> Entry:
        """Return the entry of an event."""
        ...

    def size(self, entry: Entry) -> int:
        """Return how many bytes an event's entry adds to a payload, at most."""
        ...

    def rows(
        self, rows: pa.RecordBatch, known: ShardMap
    ) -> Iterator[tuple[Shard, PackerRows[Entry]]]:
        """Yield the rows of each shard."""
        ...

    def pack(
        self, entries: Sequence[Entry], events: int, hash_key: str
    ) -> Iterable[tuple[bytes, int]]:
        """Return the records, and how many events each has, to be put with a hash key."""
        ...


@dataclass(slots=True)
class _Buffer(Generic[Entry]):
    shard: Shard
    partition_key: str
    first_position: int
    since: float
    entries: list[Entry] = field(default_factory=list)
    events: int = 0
    payload_bytes: int = 0


class PackedRecords(Generic[Entry]):
    """Records of many events, all of one shard, in the order they came."""

    def __init__(
        self,
        packer: Packer[Entry],
        shards: Callable[[], ShardMap],
        payload_bytes: int,
        linger_seconds: float,
    ) -> None:
        self._packer = packer
        self._shards = shards
        self._most_bytes = self._full_bytes = min(payload_bytes, SAFE_PAYLOAD_BYTES)
        self._linger_seconds = linger_seconds
        self._buffers: dict[str, _Buffer[Entry]] = {}
        self._map: ShardMap | None = None

    def entry(self, event: Event) -> Entry:
        """Return the event as its packing takes it."""
        return self._packer.entry(event)

    def add(self, key: str, entry: Entry, position: int, now: float) -> Iterator[OutgoingRecord]:
        """Take an event; yield the records that are ready."""
        yield from self._sent_before_a_new_map()
        shard, size = self._known().shard_of(key), self._packer.size(entry)
        buffer = self._buffers.get(shard.shard_id)
        if buffer and (self._room(buffer) < size or buffer.events >= MAX_EVENTS):
            yield from self._take(buffer)
        self._append(self._buffer(shard, key, position, now), [entry], 1, size)

    def add_rows(self, rows: pa.RecordBatch, position: int, now: float) -> Iterator[OutgoingRecord]:
        """Take neighbouring rows, the first at a position; yield the records that are ready."""
        yield from self._sent_before_a_new_map()
        for shard, part in self._packer.rows(rows, self._known()):
            keys, start = part.keys, 0
            while start < keys.count:
                key, first = keys.key(start), position + keys.place(start)
                buffer = self._buffer(shard, key, first, now)
                end = min(part.end(start, self._room(buffer)), start + MAX_EVENTS - buffer.events)
                if end == start and not buffer.events:
                    end += 1  # a row of its own, whatever its size
                if end > start:
                    size = part.size(start, end)
                    self._append(buffer, part.entries(start, end), end - start, size)
                start = end
                if start < keys.count:
                    yield from self._take(buffer)

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

    def _sent_before_a_new_map(self) -> Iterator[OutgoingRecord]:
        if (current := self._shards()) is not self._map:
            yield from self.rest()
            self._map = current

    def _buffer(self, shard: Shard, key: str, position: int, now: float) -> _Buffer[Entry]:
        buffer = self._buffers.get(shard.shard_id)
        if buffer is None:
            buffer = self._buffers[shard.shard_id] = _Buffer(shard, key, position, now)
        return buffer

    def _room(self, buffer: _Buffer[Entry]) -> int:
        return self._full_bytes - buffer.payload_bytes

    def _append(
        self, buffer: _Buffer[Entry], entries: Iterable[Entry], events: int, size: int
    ) -> None:
        buffer.entries.extend(entries)
        buffer.events += events
        buffer.payload_bytes += size

    def _take(self, buffer: _Buffer[Entry]) -> Iterator[OutgoingRecord]:
        del self._buffers[buffer.shard.shard_id]
        packed = list(self._packer.pack(buffer.entries, buffer.events, buffer.shard.hash_key))
        self._aim(buffer.payload_bytes, sum(len(data) for data, _ in packed))
        for data, events in packed:
            yield OutgoingRecord(
                data,
                buffer.partition_key,
                buffer.shard.shard_id,
                buffer.shard.hash_key,
                events,
                buffer.first_position,
            )

    def _aim(self, payload_bytes: int, record_bytes: int) -> None:
        """Make the next records fill whole PUT payload units, by how far the last one shrank."""
        if payload_bytes < self._full_bytes // 2:
            return  # the end of something, which says little
        ratio = record_bytes / payload_bytes
        units = int(self._most_bytes * ratio / (PUT_UNIT_BYTES * _UNIT_SHARE))
        if units:
            self._full_bytes = min(
                self._most_bytes, int(units * PUT_UNIT_BYTES * _UNIT_SHARE / ratio)
            )
