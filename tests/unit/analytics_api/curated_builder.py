"""The ETL job in a few lines: from the ranges of a lake in memory to curated tables in memory.

Follows each chain by `after`, leaves out what is there already, keeps the positions with the rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import pyarrow as pa

from analytics_api.analyze import AnalyticsTask
from analytics_api.curated import Part, TableAt
from analytics_api.current import Current
from analytics_api.frames import kept_columns
from analytics_api.integrate import IntegrationTask
from lake_core.errors import InputError
from lake_core.footer import Footer
from lake_core.layout import Chain, RangeName, processed_prefix
from lake_core.names import Domain
from lake_core.parquet import read_object
from lake_core.published import Published, PublishedChain, SetAside, begin, take
from lake_core.rules import DEFAULT
from tests.unit.analytics_api.lake_builder import ARRIVAL, MemoryLake

Identity = tuple[object, ...]


@dataclass
class Table:
    """One curated events table: its rows, the identities among them, what its snapshot says."""

    at: TableAt
    rows: list[pa.Table] = field(default_factory=list)
    seen: set[Identity] = field(default_factory=set)


class MemoryTables:
    """The curated tables of a lake in memory."""

    def __init__(self, lake: MemoryLake) -> None:
        self.lake = lake
        self.tables: dict[Domain, Table] = {}
        self.reads: list[Sequence[Part] | None] = []

    def etl(self, domain: Domain, ranges: int = 10_000, aside: Sequence[str] = ()) -> None:
        """Publish up to so many new ranges of each chain, all but those set aside."""
        held = self.tables.get(domain) or Table(
            TableAt(f"{domain}_events", None, ARRIVAL, 0, Published(domain=domain))
        )
        chains = {one.chain(domain): one for one in held.at.published.chains}
        rows, seen, taken = [*held.rows], {*held.seen}, dict.fromkeys(chains, 0)
        for name, table, footer in self._behind(domain, chains):
            if taken.setdefault(name.chain, 0) >= ranges or name.key in aside:
                continue
            taken[name.chain] += 1
            once, duplicates = _once(table, seen)
            chain = take(chains.get(name.chain) or begin(name.chain, footer), footer,
                         len(self.lake.objects[name.key]))  # fmt: skip
            chains[name.chain] = msgspec.structs.replace(
                chain, duplicates=chain.duplicates + duplicates
            )
            rows.append(_placed(once, name))
        published = Published(
            domain=domain,
            chains=tuple(chain for _, chain in sorted(chains.items())),
            set_aside=tuple(SetAside(key, "it is broken") for key in aside),
        )
        at = TableAt(
            held.at.name, (held.at.snapshot_id or 0) + 1, held.at.updated_milliseconds + 1,
            sum(table.num_rows for table in rows), published,
        )  # fmt: skip
        self.tables[domain] = Table(at, rows, seen)

    def touched(self, domain: Domain, past: Table) -> None:
        """Take a table back to what it was: a rollback, which is a commit too."""
        updated = self.tables[domain].at.updated_milliseconds + 1
        self.tables[domain] = replace(past, at=replace(past.at, updated_milliseconds=updated))

    def now(self, domain: Domain) -> TableAt:
        if domain not in self.tables:
            raise InputError(f"there is no curated table of {domain}: run the ETL job first")
        return self.tables[domain].at

    def rows(self, domain: Domain, at: TableAt, parts: Sequence[Part] | None) -> Iterator[pa.Table]:
        self.reads.append(parts)
        yield from self.tables[domain].rows

    def _behind(
        self, domain: Domain, chains: Mapping[Chain, PublishedChain]
    ) -> Iterator[tuple[RangeName, pa.Table, Footer]]:
        names = [RangeName.parse(stored.key) for stored in self.lake.list(processed_prefix(domain))]
        for name in sorted((one for one in names if one), key=lambda one: (one.chain, one.first)):
            held = chains.get(name.chain)
            if held is None or name.first > int(held.last):
                table, footer = read_object(self.lake.objects[name.key], name.key)
                yield name, table, footer


def _once(table: pa.Table, seen: set[Identity]) -> tuple[pa.Table, int]:
    kept = []
    names = ("event_source", "event_row", "sequence_number", "record_index")
    for source, row, sequence, index in zip(*(table[n].to_pylist() for n in names), strict=True):
        identity = (source, row) if source is not None else (sequence, index, id(table))
        kept.append(identity not in seen)
        seen.add(identity)
    return table.filter(pa.array(kept, pa.bool_())), kept.count(False)


def _placed(table: pa.Table, name: RangeName) -> pa.Table:
    place = {"incarnation": name.chain.incarnation, "shard": name.chain.shard}
    some = table.select(list(kept_columns(name.chain.domain)))
    for column, text in place.items():
        some = some.append_column(column, pa.array([text] * table.num_rows, pa.string()))
    return some


MADE = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)


class Clock:
    """Time that goes on by a second at every look."""

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self) -> dt.datetime:
        self.looks += 1
        return MADE + dt.timedelta(seconds=self.looks)


class Tasks:
    """The analytics tasks over a lake in memory."""

    def __init__(self, lake: MemoryLake) -> None:
        self.tables = MemoryTables(lake)
        self.clock = Clock()

    def analyze(self, domain: Domain, run_id: str | None = None) -> Current:
        """Run the task of a domain."""
        return AnalyticsTask(
            domain, self.tables, self.tables.lake, DEFAULT, self.clock, run_id
        ).run()

    def integrate(self) -> Current:
        """Run the task over both."""
        return IntegrationTask(self.tables.lake, DEFAULT, self.clock).run()

    def batch(self, ranges: int = 10_000, aside: Sequence[str] = ()) -> None:
        """ETL and analytics of both domains."""
        for domain in Domain:
            self.tables.etl(domain, ranges, [key for key in aside if f"/{domain}/" in key])
            self.analyze(domain)
        self.integrate()
