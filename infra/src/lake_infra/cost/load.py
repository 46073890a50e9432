"""A load, and the sizes that follow from it: shards, tasks, objects, requests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from lake_core.names import Domain
from lake_infra.cost.prices import Measured, between
from lake_infra.stages import DEV, Size

HOURS: Final = 730.0  # of a month
DAYS: Final = HOURS / 24
SECONDS: Final = HOURS * 3600
GB: Final = 1024.0**3
STREAMS: Final = 2
HEADROOM: Final = 1.5  # the peak over the mean that shards and tasks are sized for
ON_DEMAND_SHARDS: Final = 4  # what Kinesis begins a stream with
SHARD_RECORDS: Final = 1000.0  # a second
SHARD_BYTES: Final = 1024.0 * 1024  # a second
PUT_UNIT: Final = 25 * 1024.0
LINGER_SECONDS: Final = 0.5  # what a packed record waits to be full (INGESTOR_LINGER_SECONDS)
PACKED_BYTES: Final = 24 * 1024.0  # of a full packed record
RANGE_SECONDS: Final = 60.0  # PROCESSOR_MAX_AGE_SECONDS
RANGE_ROWS: Final = 50_000.0  # PROCESSOR_MAX_ROWS
LIVE_SECONDS: Final = 0.25  # between two live chunks of a shard
ANNOUNCED_SECONDS: Final = 2.0  # between two looks of the API for new shards of a domain
LIVE_READ: Final = 0.5  # of a read unit for 4 KB: eventually consistent
LIVE_ROWS: Final = 2_000.0  # more at once is a backlog, and not shown live


@dataclass(frozen=True, slots=True)
class Load:
    """Events a day, spread evenly, and how they travel."""

    events_per_day: float
    packed: bool
    on_demand: bool
    measured: Measured

    @property
    def events(self) -> float:
        """A month."""
        return self.events_per_day * DAYS

    @property
    def per_second(self) -> float:
        """Events."""
        return self.events_per_day / 86_400

    @property
    def stream_bytes(self) -> float:
        """Of an event on the stream."""
        return self.measured.stream_bytes_packed if self.packed else self.measured.json_bytes

    @property
    def shards(self) -> int:
        """Of both streams: by bytes, records, and what one process a shard can work off."""
        peak = self.per_second * HEADROOM
        per_shard = self.measured.events_per_vcpu_second
        wanted = max(peak * self.stream_bytes / SHARD_BYTES, peak / per_shard)
        if not self.packed:
            wanted = max(wanted, peak / SHARD_RECORDS)
        least = ON_DEMAND_SHARDS if self.on_demand else 1
        return max(STREAMS * least, math.ceil(wanted))

    @property
    def records(self) -> float:
        """Kinesis records a month. A packed one goes when it is full or has waited long enough."""
        if not self.packed:
            return self.events
        full = self.events * self.stream_bytes / PACKED_BYTES
        waited = SECONDS / LINGER_SECONDS * self.shards
        return min(self.events, max(full, waited))

    @property
    def processor(self) -> Size:
        """The size of a task, as in the stage for small loads."""
        return DEV.processor

    @property
    def processors(self) -> int:
        """Tasks: as many as the peak needs, one a stream at least, one a shard at most."""
        vcpus = self.per_second * HEADROOM / self.measured.events_per_vcpu_second
        return min(self.shards, max(STREAMS, math.ceil(vcpus / (self.processor.cpu / 1024))))

    @property
    def rows_a_range(self) -> float:
        """Rows of an object of processed/."""
        return max(1.0, min(RANGE_ROWS, self.per_second / self.shards * RANGE_SECONDS))

    @property
    def ranges(self) -> float:
        """Objects of processed/ a month."""
        return self.events / self.rows_a_range

    @property
    def live_units(self) -> float:
        """DynamoDB write units of the live view a month."""
        writes = min(self.per_second / self.shards, 1 / LIVE_SECONDS) * self.shards
        return writes * SECONDS * math.ceil(self._live_bytes / 1024)

    @property
    def live_read_units(self) -> float:
        """DynamoDB read units a month of one API task: a look a shard, four a second, and at
        each domain's new shards."""
        looks = SECONDS / LIVE_SECONDS * self.shards
        for_new = SECONDS / ANNOUNCED_SECONDS * len(Domain)
        return LIVE_READ * (looks * max(1, math.ceil(self._live_bytes / 4096)) + for_new)

    @property
    def _live_bytes(self) -> float:
        """Of a chunk."""
        rows = min(LIVE_ROWS, max(1.0, self.per_second / self.shards * LIVE_SECONDS))
        return rows * between(self.measured.live_bytes_a_row, rows)
