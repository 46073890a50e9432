"""How fast records may go to a shard, and how long to wait before trying again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

SHARD_BYTES_PER_SECOND: Final = 1024 * 1024  # Kinesis' limit
SHARD_RECORDS_PER_SECOND: Final = 1000  # Kinesis' limit
BASE_DELAY_SECONDS: Final = 0.05
MAX_DELAY_SECONDS: Final = 5.0


@dataclass(slots=True)
class ShardLimit:
    """Token buckets of one shard's bytes and records, each a second deep."""

    bytes: float = SHARD_BYTES_PER_SECOND
    records: float = SHARD_RECORDS_PER_SECOND
    since: float = 0.0

    def wait_seconds(self, size: int, now: float) -> float:
        """Take a record's share; return how long to wait before it may go."""
        passed = max(0.0, now - self.since)
        self.since = max(now, self.since)
        self.bytes = min(self.bytes + passed * SHARD_BYTES_PER_SECOND, SHARD_BYTES_PER_SECOND)
        self.records = min(
            self.records + passed * SHARD_RECORDS_PER_SECOND, SHARD_RECORDS_PER_SECOND
        )
        self.bytes -= size
        self.records -= 1
        short = max(-self.bytes / SHARD_BYTES_PER_SECOND, -self.records / SHARD_RECORDS_PER_SECOND)
        return max(0.0, short)


def full_jitter(tries: int) -> float:
    """Return a wait in seconds: anything up to a cap that doubles with each try."""
    # The exponent is bounded: 2**2000 is no float, and a long wait for a shard may try that often.
    cap = min(MAX_DELAY_SECONDS, BASE_DELAY_SECONDS * 2 ** min(tries, 10))
    return random.uniform(0, cap)  # noqa: S311 - spreads retries, guards nothing
