"""What the stream was seen to accept: by shard and sequence number, the entries in order."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable

from tests.faults.events import Entry

Position = tuple[str, int]  # shard, sequence number


class Ledger:
    """The truth the lake is compared with. Filled from the answers of Kinesis, never from KCL."""

    def __init__(self) -> None:
        self._records: dict[Position, tuple[Entry, ...]] = {}
        self._per_shard: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, shard: str, sequence: str, entries: Iterable[Entry]) -> None:
        """Note a record that the stream holds."""
        position = (shard, int(sequence))
        with self._lock:
            if position in self._records:
                raise AssertionError(f"the emulator gave {position} twice")
            self._records[position] = tuple(entries)
            self._per_shard[shard] += 1

    def records(self) -> dict[Position, tuple[Entry, ...]]:
        """Return all records."""
        with self._lock:
            return dict(self._records)

    def per_shard(self) -> dict[str, int]:
        """Return how many Kinesis records each shard holds."""
        with self._lock:
            return dict(self._per_shard)

    @property
    def events(self) -> int:
        """All entries, usable or not."""
        return sum(len(entries) for entries in self.records().values())
