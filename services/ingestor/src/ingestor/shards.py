"""Which shard a key belongs to: the hash ranges of the open shards."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from typing import Self


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

    @classmethod
    def of(cls, shards: list[Shard]) -> Self:
        """Make a map.

        Raises:
            ValueError: there is no shard.
        """
        if not shards:
            raise ValueError("a stream has at least one open shard")
        return cls(tuple(sorted(shards, key=lambda shard: shard.first_hash)))

    def shard_of(self, partition_key: str) -> Shard:
        """Return the shard that Kinesis puts a partition key on."""
        digest = hashlib.md5(partition_key.encode(), usedforsecurity=False).digest()
        number = int.from_bytes(digest, "big")
        starts = [shard.first_hash for shard in self.shards]
        return self.shards[bisect_right(starts, number) - 1]
