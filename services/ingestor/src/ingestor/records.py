"""Makes Kinesis records of events: one each, or many of one shard packed together.

What an event becomes on the way is its packing's business: `entry` says it, and records are made
of entries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar, runtime_checkable

from ingestor.shards import Shard, ShardMap
from lake_core.events import Event, partition_key
from lake_core.kpl import aggregate
from lake_core.packed import pack
from lake_core.parsing import encode_event
from lake_core.wire import HEADER_BYTES, MAX_EVENTS, MAX_PAYLOAD_BYTES, MAX_RECORD_BYTES

if TYPE_CHECKING:
    import pyarrow as pa

# Compression can at worst add a little; then a payload of this size still makes a legal record.
SAFE_PAYLOAD_BYTES: Final = MAX_RECORD_BYTES - HEADER_BYTES - 16 * 1024


# The most that protobuf adds: tags, lengths and indexes of a user record and of its key.
_KPL_ENTRY_BYTES: Final = 24
# What the KPL itself makes; KCL unfolds many of them at once, in a heap of 256 MB.
KPL_PAYLOAD_BYTES: Final = 50 * 1024

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
    """A Kinesis record on its way, and which rows it carries."""

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


class Packer(Protocol[Entry]):
    """A packed form."""

    def entry(self, event: Event) -> Entry:
        """Return what a record is made of: one event in the shape that `pack` takes."""
        ...

    def size(self, entry: Entry) -> int:
        """Return how many bytes it adds to a payload, at most."""
        ...

    def pack(self, entries: Sequence[Entry], hash_key: str) -> bytes:
        """Return the record that will be put with an explicit hash key."""
        ...


class NdjsonPacker:
    """`ndjson-zstd`."""

    def entry(self, event: Event) -> bytes:
        """See `Packer`."""
        return encode_event(event)

    def size(self, entry: bytes) -> int:
        """See `Packer`."""
        return len(entry) + 1

    def pack(self, entries: Sequence[bytes], hash_key: str) -> bytes:
        """See `Packer`."""
        del hash_key
        return pack(entries)


class KplPacker:
    """`kpl`; its entries are (partition key, JSON)."""

    def entry(self, event: Event) -> tuple[str, bytes]:
        """See `Packer`."""
        return partition_key(event), encode_event(event)

    def size(self, entry: tuple[str, bytes]) -> int:
        """See `Packer`."""
        key, raw = entry
        return len(key.encode()) + len(raw) + _KPL_ENTRY_BYTES

    def pack(self, entries: Sequence[tuple[str, bytes]], hash_key: str) -> bytes:
        """See `Packer`."""
        return aggregate(entries, hash_key)


@dataclass(slots=True)
class _Buffer(Generic[Entry]):
    shard: Shard
    partition_key: str
    first_position: int
    since: float
    entries: list[Entry] = field(default_factory=list)
    payload_bytes: int = 0


class PlainRecords:
    """One record an event."""

    def __init__(self, shards: Callable[[], ShardMap]) -> None:
        self._shards = shards

    def entry(self, event: Event) -> bytes:
        """Return the event as JSON."""
        return encode_event(event)

    def add(self, key: str, raw: bytes, position: int, now: float) -> Iterator[OutgoingRecord]:
        """Take an event; yield the records that are ready."""
        del now
        yield OutgoingRecord(raw, key, self._shards().shard_of(key).shard_id, None, 1, position)

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
        self._payload_bytes = min(payload_bytes, SAFE_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES)
        self._linger_seconds = linger_seconds
        self._buffers: dict[str, _Buffer[Entry]] = {}
        self._map: ShardMap | None = None

    def entry(self, event: Event) -> Entry:
        """Return the event as its packing takes it."""
        return self._packer.entry(event)

    def add(self, key: str, entry: Entry, position: int, now: float) -> Iterator[OutgoingRecord]:
        """Take an event; yield the records that are ready."""
        size = self._packer.size(entry)
        if (current := self._shards()) is not self._map:
            yield from self.rest()
            self._map = current
        shard = current.shard_of(key)
        buffer = self._buffers.get(shard.shard_id)
        if buffer and self._is_full(buffer, size):
            yield self._take(buffer)
            buffer = None
        if buffer is None:
            buffer = self._buffers[shard.shard_id] = _Buffer(shard, key, position, now)
        buffer.entries.append(entry)
        buffer.payload_bytes += size

    def due(self, now: float) -> Iterator[OutgoingRecord]:
        """Yield what has waited long enough."""
        for buffer in list(self._buffers.values()):
            if now - buffer.since >= self._linger_seconds:
                yield self._take(buffer)

    def rest(self) -> Iterator[OutgoingRecord]:
        """Yield what is left."""
        for buffer in list(self._buffers.values()):
            yield self._take(buffer)

    def held_positions(self) -> list[int]:
        """Return where the rows that still wait here begin, one a shard."""
        return [buffer.first_position for buffer in self._buffers.values()]

    def _is_full(self, buffer: _Buffer[Entry], added: int) -> bool:
        return (
            buffer.payload_bytes + added > self._payload_bytes or len(buffer.entries) >= MAX_EVENTS
        )

    def _take(self, buffer: _Buffer[Entry]) -> OutgoingRecord:
        del self._buffers[buffer.shard.shard_id]
        return OutgoingRecord(
            self._packer.pack(buffer.entries, buffer.shard.hash_key),
            buffer.partition_key,
            buffer.shard.shard_id,
            buffer.shard.hash_key,
            len(buffer.entries),
            buffer.first_position,
        )


class Records(Protocol):
    """Makes records of events. Which rows wait here is told by their positions in the replay."""

    def entry(self, event: Event) -> Any:
        """Return what `add` takes of an event."""
        ...

    def add(self, key: str, entry: Any, position: int, now: float) -> Iterator[OutgoingRecord]:
        """Take an event; yield the records that are ready."""
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


@runtime_checkable
class ColumnRecords(Records, Protocol):
    """Takes rows as columns too."""

    def add_rows(self, rows: pa.RecordBatch, position: int, now: float) -> Iterator[OutgoingRecord]:
        """Take neighbouring rows of `event_schema`, the first at a position; as `add`."""
        ...
