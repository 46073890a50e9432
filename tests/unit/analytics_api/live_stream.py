"""A stream, what is live of it, and what the lake has of it: cut in any way, by several writers."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field

import pyarrow as pa

from lake_core.arrow import Positions, lake_schema, scored_table
from lake_core.errors import TransientError
from lake_core.footer import Footer
from lake_core.layout import Chain, RangeName, hour_of
from lake_core.live import FORMAT_VERSION, LiveChunk, decode_chunk, encode_chunk, pack_rows
from lake_core.names import Domain
from lake_core.parquet import encode_object
from lake_core.parsing import event_from_cells
from lake_core.rules import DEFAULT, RuleSet
from tests.unit.analytics_api.expectations import Row
from tests.unit.analytics_api.lake_builder import ARRIVAL, INCARNATION, MemoryLake

Identity = tuple[str, int] | tuple[None, None]
RECORD_MILLISECONDS = 10


class MemoryLive:
    """A live table in memory, as `LiveSource` and as what a processor writes."""

    def __init__(self) -> None:
        self.items: dict[Chain, dict[int, bytes]] = defaultdict(dict)
        self.chains: set[Chain] = set()
        self.away = False
        self.looks = 0

    def put_if_absent(self, chain: Chain, chunk: LiveChunk) -> None:
        if chunk.after is None:
            self.chains.add(chain)
        self.items[chain].setdefault(int(chunk.first), encode_chunk(chunk))

    def announced(self, domain: Domain) -> list[Chain]:
        if self.away:
            raise TransientError("the live view is away")
        return [chain for chain in self.chains if chain.domain is domain]

    def chunks(self, chain: Chain, position: str | None) -> list[LiveChunk]:
        del position  # a source may return more than is wanted
        self.looks += 1
        if self.away:
            raise TransientError("the live view is away")
        held = self.items[chain]
        return [decode_chunk(held[first], f"{first}") for first in sorted(held)]


@dataclass
class Shard:
    """Records in the order of a shard: a row with its identity, or None for an unusable one."""

    chain: Chain
    records: list[tuple[Row, Identity] | None] = field(default_factory=list)
    committed: int = 0  # so many of them are in the lake


class Stream:
    """Both domains, three shards together."""

    def __init__(self) -> None:
        self.lake = MemoryLake()
        self.live = MemoryLive()
        self.shards = {
            (domain, n): Shard(Chain(domain, INCARNATION, f"shardId-{n:012d}"))
            for domain, shards in {Domain.MANUFACTURING: 2, Domain.ECOMMERCE: 1}.items()
            for n in range(shards)
        }

    def commit(self, shard: Shard, count: int, lake: MemoryLake | None = None) -> None:
        """Write a range of the next so many records."""
        begin, end = shard.committed, min(shard.committed + count, len(shard.records))
        if begin < end:
            self._write(shard, begin, end, self.lake if lake is None else lake)
            shard.committed = end

    def show(self, shard: Shard, begin: int, end: int, rules: RuleSet = DEFAULT) -> None:
        """Have a processor write a live chunk of the records of a slice."""
        if begin >= end:
            return
        usable = [one for one in range(begin, end) if shard.records[one] is not None]
        domain = shard.chain.domain
        table = self._table(shard, usable, rules).cast(lake_schema(domain))
        chunk = LiveChunk(
            format_version=FORMAT_VERSION, scoring_version=rules.scoring_version,
            first=_sequence(begin), last=_sequence(end - 1),
            after=_sequence(begin - 1) if begin else None,
            last_arrival=_arrival(end - 1), rows=pack_rows(table),
        )  # fmt: skip
        self.live.put_if_absent(shard.chain, chunk)

    def lake_through(self, through: dict[Chain, str | None]) -> MemoryLake:
        """Return a lake that holds each shard up to a position, in one range."""
        made = MemoryLake()
        for shard in self.shards.values():
            position = through.get(shard.chain)
            end = 0 if position is None else int(position) - int(_sequence(0)) + 1
            if end:
                self._write(shard, 0, end, made)
        return made

    def _write(self, shard: Shard, begin: int, end: int, lake: MemoryLake) -> None:
        usable = [one for one in range(begin, end) if shard.records[one] is not None]
        chain, first = shard.chain, _sequence(begin)
        hour = hour_of(dt.datetime.fromtimestamp(_arrival(begin) / 1000, dt.UTC))
        footer = Footer(
            format_version=1, schema_version=1, scoring_version=DEFAULT.scoring_version,
            domain=chain.domain, shard=chain.shard, incarnation=chain.incarnation,
            first=first, last=_sequence(end - 1), after=_sequence(begin - 1) if begin else None,
            first_arrival=_arrival(begin), last_arrival=_arrival(end - 1), records=end - begin,
            rows=len(usable), unusable=0, payload_bytes=1, stream_bytes=1, gap_possible=False,
            quarantine=None,
        )  # fmt: skip
        table = self._table(shard, usable, DEFAULT)
        lake.objects[RangeName(chain, hour, int(first)).key] = encode_object(table, footer)

    @staticmethod
    def _table(shard: Shard, usable: list[int], rules: RuleSet) -> pa.Table:
        events = []
        for place in usable:
            row, identity = shard.records[place] or ({}, (None, None))
            event = event_from_cells(shard.chain.domain, row)
            event.event_source, event.event_row = identity
            events.append(event)
        places = Positions(
            [_sequence(place) for place in usable], [0] * len(usable),
            [_arrival(place) for place in usable],
        )  # fmt: skip
        return scored_table(shard.chain.domain, events, places, rules)


def _sequence(place: int) -> str:
    return str(1001 + place)


def _arrival(place: int) -> int:
    return ARRIVAL + place * RECORD_MILLISECONDS
