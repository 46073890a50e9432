"""Everything the API knows of one domain: its chains, its totals, its aggregated state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa

from analytics_api.current import Current
from analytics_api.ecommerce import EcommerceState
from analytics_api.frames import frame_of
from analytics_api.identities import SeenIdentities
from analytics_api.manufacturing import ManufacturingState
from analytics_api.range_reader import Read
from analytics_api.shard_proof import ShardProof
from analytics_api.zones import ZoneSize
from lake_core.layout import Chain, RangeName
from lake_core.names import Domain
from lake_core.published import Published
from lake_core.rules import RuleSet

State = ManufacturingState | EcommerceState


class LiveRows(NamedTuple):
    """Rows of one chain that go on behind what is counted of it."""

    table: pa.Table
    last: str  # the position they reach: records without a usable entry have no row
    arrival: int  # of that, milliseconds since 1970 UTC


@dataclass(slots=True)
class DomainLake:
    """One domain. `take` is the way in for ranges, in the order of their chains."""

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
    published: Published | None = None  # what came from the curated table
    version: Current | None = None  # the state it began with, by whoever loaded it
    tail_objects: int = 0  # ranges counted here, behind the positions of `published`

    @classmethod
    def empty(cls, domain: Domain, rules: RuleSet) -> DomainLake:
        """Return a domain of which nothing is known."""
        made = ManufacturingState(rules) if domain is Domain.MANUFACTURING else EcommerceState()
        return cls(domain, made)

    def shard(self, chain: Chain) -> ShardProof:
        """Return the proof of a chain, begun if it is new."""
        if chain not in self.shards:
            self.shards[chain] = ShardProof(chain)
        return self.shards[chain]

    @property
    def proofs(self) -> list[ShardProof]:
        """The proofs of the chains that the lake holds something of, in their order."""
        return [proof for _, proof in sorted(self.shards.items()) if proof.in_lake]

    def take(self, reads: Sequence[Read]) -> None:
        """Count ranges that continue their chains, all at once: polars' price is by the call."""
        frame = frame_of(self.domain, pa.concat_tables([read.table for read in reads]))
        parts, live_duplicates, begin = [], [], 0
        for read in reads:
            rows = frame.slice(begin, read.footer.rows)
            begin += read.footer.rows
            rows, duplicates = self.shard(read.name.chain).tail.settle(rows, read.footer.last)
            parts.append(rows)
            live_duplicates.append(duplicates)
        first_seen = self._add_unseen(pl.concat(parts))
        begin = 0
        for read, part, duplicates in zip(reads, parts, live_duplicates, strict=True):
            new = first_seen[begin : begin + part.height]
            begin += part.height
            self._count(read, duplicates=duplicates + new.count(False))

    def take_live(self, rows: Mapping[Chain, LiveRows]) -> None:
        """Count rows that the lake does not hold yet; the proof of delivery is not about them."""
        tables = [one.table for one in rows.values()]
        frame = frame_of(self.domain, pa.concat_tables(tables))
        first_seen, begin = self._add_unseen(frame), 0
        for chain, one in rows.items():
            end = begin + one.table.num_rows
            tail = self.shard(chain).tail
            tail.add(frame[begin:end], first_seen[begin:end], one.last, one.arrival)
            self.newest_arrival = max(self.newest_arrival or 0, one.arrival)
            begin = end

    def take_rows(self, table: pa.Table) -> int:
        """Count rows of the curated table; return how many were new.

        Their chains are known by `publish`, which comes last.
        """
        return self._add_unseen(frame_of(self.domain, table)).count(True)

    def publish(self, published: Published) -> None:
        """Take the chains as the curated table has them: positions, sums, what was set aside."""
        proofs = [ShardProof.of_published(self.domain, chain) for chain in published.chains]
        self.shards = {proof.chain: proof for proof in proofs}
        for aside in published.set_aside:
            name = RangeName.parse(aside.key)
            if name is not None:
                self.shard(name.chain).set_aside[aside.key] = aside.reason
        chains = published.chains
        self.processed = ZoneSize(
            sum(chain.objects for chain in chains), sum(chain.object_bytes for chain in chains)
        )
        self.rows = sum(chain.rows for chain in chains)
        self.unusable = sum(chain.unusable for chain in chains)
        self.payload_bytes = sum(chain.payload_bytes for chain in chains)
        self.stream_bytes = sum(chain.stream_bytes for chain in chains)
        self.newest_arrival = max((chain.last_arrival for chain in chains), default=None)
        self.published = published

    def note_changes(self, before: DomainLake) -> None:
        """Let `changed` of the state be what is not as it was before."""
        old: Mapping[Any, Any] = before.state.entities
        changed: set[Any] = self.state.changed
        changed.clear()
        changed.update(before.state.changed)
        changed.update(key for key, one in self.state.entities.items() if old.get(key) != one)

    def _add_unseen(self, frame: pl.DataFrame) -> list[bool]:
        first_seen = self.seen.first_seen(
            frame["event_source"].to_list(), frame["event_row"].to_list()
        )
        self.state.add(frame if all(first_seen) else frame.filter(first_seen))
        return first_seen

    def _count(self, read: Read, duplicates: int) -> None:
        footer = read.footer
        self.shard(read.name.chain).count(footer, duplicates)
        self.processed.add(read.size)
        self.tail_objects += 1
        self.rows += footer.rows
        self.unusable += footer.unusable
        self.payload_bytes += footer.payload_bytes
        self.stream_bytes += footer.stream_bytes
        self.newest_arrival = max(self.newest_arrival or 0, footer.last_arrival)

    @property
    def data_through(self) -> int | None:
        """The arrival, in ms, up to which everything is counted."""
        shards = self.shards.values()
        behind = [proof.through_arrival for proof in shards if proof.reader.waiting]
        if any(arrival is None for arrival in behind):
            return None
        known = [arrival for arrival in behind if arrival is not None]
        return min(known) if known else self.newest_arrival

    @property
    def sources(self) -> list[str]:
        """What the answers were made from: zones of the lake, and what is ahead of it."""
        curated = self.published is not None and bool(self.published.chains)
        return [
            *(["analytics"] if curated else []),
            *(["processed"] if self.tail_objects else []),
            *(["live"] if self.live_rows else []),
        ]

    @property
    def problems(self) -> list[str]:
        """What is wrong beyond single shards."""
        inputs = self.version.inputs if self.version else ()
        return [
            f"{one.table} holds {one.rows} events, its positions say {one.rows_expected}: "
            "somebody else than the ETL job has changed it"
            for one in inputs
            if one.rows != one.rows_expected
        ]

    @property
    def waiting(self) -> int:
        """How many objects are known and not counted."""
        return sum(proof.reader.waiting for proof in self.shards.values())

    @property
    def live_rows(self) -> int:
        """How many rows are counted that the lake does not hold yet."""
        return sum(proof.tail.rows for proof in self.shards.values())

    @property
    def differs(self) -> str | None:
        """A shard of which live rows were counted that the lake has otherwise; None: of none."""
        shards = (chain.shard for chain, proof in self.shards.items() if proof.tail.differs)
        return next(shards, None)

    @property
    def quality(self) -> float | None:
        """Usable entries over all received; None while there are none.

        Live rows are usable and counted; what of their records was not is known with the range.
        """
        usable = self.rows + self.live_rows
        entries = usable + self.unusable
        return usable / entries if entries else None
