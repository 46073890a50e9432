"""Everything the API knows of one domain: its chains, its totals, its aggregated state."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from analytics_api.ecommerce import EcommerceState
from analytics_api.frames import frame_of
from analytics_api.identities import SeenIdentities
from analytics_api.manufacturing import ManufacturingState
from analytics_api.shard_proof import ShardProof
from lake_core.footer import Footer
from lake_core.layout import Chain, RangeName
from lake_core.names import Domain

State = ManufacturingState | EcommerceState


@dataclass(slots=True)
class ZoneSize:
    """What a zone of the bucket holds."""

    objects: int = 0
    bytes: int = 0

    def add(self, size: int) -> None:
        """Count an object."""
        self.objects += 1
        self.bytes += size


@dataclass(slots=True)
class DomainLake:
    """One domain. `take` is the only way in: a range at a time, in the order of its chain."""

    domain: Domain
    state: State
    shards: dict[Chain, ShardProof] = field(default_factory=dict)
    seen: SeenIdentities = field(default_factory=SeenIdentities)
    processed: ZoneSize = field(default_factory=ZoneSize)
    rows: int = 0  # as they are stored, producers' duplicates included
    unusable: int = 0
    payload_bytes: int = 0  # of all entries as they arrived
    stream_bytes: int = 0  # of the records that carried them
    newest_arrival: int | None = None  # milliseconds since 1970 UTC

    def shard(self, chain: Chain) -> ShardProof:
        """Return the proof of a chain, begun if it is new."""
        if chain not in self.shards:
            self.shards[chain] = ShardProof(chain)
        return self.shards[chain]

    def take(self, name: RangeName, footer: Footer, table: pa.Table, size: int) -> None:
        """Count a range that continues its chain."""
        frame = frame_of(self.domain, table)
        first_seen = self.seen.first_seen(
            frame["event_source"].to_list(), frame["event_row"].to_list()
        )
        duplicates = first_seen.count(False)
        self.state.add(frame.filter(first_seen) if duplicates else frame)
        self.shard(name.chain).count(footer, duplicates)
        self.processed.add(size)
        self.rows += footer.rows
        self.unusable += footer.unusable
        self.payload_bytes += footer.payload_bytes
        self.stream_bytes += footer.stream_bytes
        self.newest_arrival = max(self.newest_arrival or 0, footer.last_arrival)

    @property
    def data_through(self) -> int | None:
        """The arrival, in ms, up to which everything is counted."""
        behind = [proof.last_arrival for proof in self.shards.values() if proof.reader.waiting]
        if any(arrival is None for arrival in behind):
            return None
        known = [arrival for arrival in behind if arrival is not None]
        return min(known) if known else self.newest_arrival

    @property
    def quality(self) -> float | None:
        """Usable entries over all received; None while there are none."""
        entries = self.rows + self.unusable
        return self.rows / entries if entries else None
