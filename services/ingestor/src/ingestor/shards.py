"""Which shard a key belongs to: the hash ranges of the open shards."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final, Self

# Keys are remembered, which saves a hash an event; a file of many millions of customers must not
# fill the memory with them.
MAX_KNOWN_KEYS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Shard:
    """An open shard and its range of hash keys, both ends included."""

    shard_id: str
    first_hash: int
    last_hash: int

    @property
    def hash_key(self) -> str:
        """An explicit hash key that puts a record on this shard: the middle of its range."""
        return str((self.first_hash + self.last_hash) // 2)


@dataclass(frozen=True, slots=True)
class ShardMap:
    """The open shards in the order of their ranges."""

    shards: tuple[Shard, ...]
    _starts: tuple[int, ...] = field(compare=False)
    _known: dict[str, Shard] = field(compare=False, default_factory=dict)

    @classmethod
    def of(cls, shards: list[Shard]) -> Self:
        """Make a map.

        Raises:
            ValueError: there is no shard.
        """
        if not shards:
            raise ValueError("a stream has at least one open shard")
        ordered = tuple(sorted(shards, key=lambda shard: shard.first_hash))
        return cls(ordered, tuple(shard.first_hash for shard in ordered))

    def shard_of(self, partition_key: str) -> Shard:
        """Return the shard that Kinesis puts a partition key on."""
        shard = self._known.get(partition_key)
        if shard is None:
            if len(self._known) >= MAX_KNOWN_KEYS:
                self._known.clear()
            shard = self._known[partition_key] = self._find(partition_key)
        return shard

    def _find(self, partition_key: str) -> Shard:
        digest = hashlib.md5(partition_key.encode(), usedforsecurity=False).digest()
        number = int.from_bytes(digest, "big")
        return self.shards[max(0, bisect_right(self._starts, number) - 1)]
