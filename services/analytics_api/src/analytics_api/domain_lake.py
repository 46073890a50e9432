"""Everything the API knows of one domain: its chains, its totals, its aggregated state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from analytics_api.ecommerce import EcommerceState
from analytics_api.frames import frame_of
from analytics_api.identities import SeenIdentities
from analytics_api.manufacturing import ManufacturingState
from analytics_api.range_reader import Read
from analytics_api.shard_proof import ShardProof
from analytics_api.zones import ZoneSize
from lake_core.layout import Chain
from lake_core.names import Domain

State = ManufacturingState | EcommerceState


@dataclass(slots=True)
class DomainLake:
    """One domain. `take` is the only way in: ranges in the order of their chains."""

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

    def take(self, reads: Sequence[Read]) -> None:
        """Count ranges that continue their chains, all at once: polars' price is by the call."""
        frame = frame_of(self.domain, pa.concat_tables([read.table for read in reads]))
        first_seen = self.seen.first_seen(
            frame["event_source"].to_list(), frame["event_row"].to_list()
        )
        self.state.add(frame if all(first_seen) else frame.filter(first_seen))
        begin = 0
        for read in reads:
            end = begin + read.footer.rows
            self._count(read, duplicates=first_seen[begin:end].count(False))
            begin = end

    def _count(self, read: Read, duplicates: int) -> None:
        footer = read.footer
        self.shard(read.name.chain).count(footer, duplicates)
        self.processed.add(read.size)
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
    def waiting(self) -> int:
        """How many objects are known and not counted."""
        return sum(proof.reader.waiting for proof in self.shards.values())

    @property
    def quality(self) -> float | None:
        """Usable entries over all received; None while there are none."""
        entries = self.rows + self.unusable
        return self.rows / entries if entries else None
