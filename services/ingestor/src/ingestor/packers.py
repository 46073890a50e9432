"""The packings whose entries are JSON: `ndjson-zstd` and `kpl`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ingestor.shards import Shard, ShardMap
from lake_core.events import Event, partition_key
from lake_core.kpl import aggregate
from lake_core.names import Domain
from lake_core.packed import seal
from lake_core.parsing import encode_event
from lake_core.wire import Form

if TYPE_CHECKING:
    import pyarrow as pa

    from ingestor.json_rows import KplRows, NdjsonRows

# The most that protobuf adds: tags, lengths and indexes of a user record and of its key.
KPL_ENTRY_BYTES: Final = 24
# Two PUT payload units, about what the KPL itself makes; KCL unfolds many of them at once, in a
# heap of 256 MB.
KPL_PAYLOAD_BYTES: Final = 52 * 1024


@dataclass(frozen=True, slots=True)
class NdjsonPacker:
    """`ndjson-zstd`. An entry is one event or many, each with its line end."""

    domain: Domain

    def entry(self, event: Event) -> bytes:
        """See `Packer`."""
        return encode_event(event) + b"\n"

    def size(self, entry: bytes) -> int:
        """See `Packer`."""
        return len(entry)

    def rows(self, rows: pa.RecordBatch, known: ShardMap) -> Iterator[tuple[Shard, NdjsonRows]]:
        """See `Packer`."""
        from ingestor.json_rows import NdjsonRows, lines_by_shard  # noqa: PLC0415 - Arrow, if any

        for keys, lines in lines_by_shard(self.domain, rows, known, "\n"):
            yield keys.shard, NdjsonRows(keys, lines)

    def pack(
        self, entries: Sequence[bytes], events: int, hash_key: str
    ) -> Iterable[tuple[bytes, int]]:
        """See `Packer`."""
        del hash_key
        yield seal(Form.NDJSON_ZSTD, events, b"".join(entries)), events


@dataclass(frozen=True, slots=True)
class KplPacker:
    """`kpl`. An entry is (partition key, JSON)."""

    domain: Domain

    def entry(self, event: Event) -> tuple[str, bytes]:
        """See `Packer`."""
        return partition_key(event), encode_event(event)

    def size(self, entry: tuple[str, bytes]) -> int:
        """See `Packer`."""
        key, raw = entry
        return len(key.encode()) + len(raw) + KPL_ENTRY_BYTES

    def rows(self, rows: pa.RecordBatch, known: ShardMap) -> Iterator[tuple[Shard, KplRows]]:
        """See `Packer`."""
        from ingestor.json_rows import KplRows, lines_by_shard  # noqa: PLC0415 - Arrow, if any

        for keys, lines in lines_by_shard(self.domain, rows, known):
            longest = max(len(key.encode()) for key in keys.words)
            yield keys.shard, KplRows(keys, lines, longest + KPL_ENTRY_BYTES)

    def pack(
        self, entries: Sequence[tuple[str, bytes]], events: int, hash_key: str
    ) -> Iterable[tuple[bytes, int]]:
        """See `Packer`."""
        yield aggregate(entries, hash_key), events
