"""A lake whose events are known, and its curated tables as PyIceberg reads them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from pyiceberg.catalog import Catalog
from pyiceberg.table import Table

from analytics_api.iceberg_events import glue_catalog
from lake_core.catalog import curated_tables, events_table
from lake_core.names import GLUE_DATABASE, Domain
from lake_core.published import SUMMARY_KEY, Published, decode_published
from lake_local import generator
from tests import plain_aggregates as plain
from tests.aws import Aws
from tests.integration.written_lake import Cells, WrittenLake, csv_rows
from tests.plain_aggregates import Event, Row

SOURCE = "f.csv-0a-0"
ROWS = {Domain.MANUFACTURING: 4000, Domain.ECOMMERCE: 1200}
Identity = tuple[str | None, int | None]
WRITE = {
    Domain.MANUFACTURING: generator.write_manufacturing,
    Domain.ECOMMERCE: generator.write_ecommerce,
}
EVENT = {Domain.MANUFACTURING: plain.reading, Domain.ECOMMERCE: plain.purchase}
AGGREGATES = {
    Domain.MANUFACTURING: {
        "manufacturing_machine_daily": plain.machine_days,
        "manufacturing_daily": plain.manufacturing_days,
    },
    Domain.ECOMMERCE: {
        "ecommerce_customers": plain.customers,
        "ecommerce_daily": plain.ecommerce_days,
    },
}


class CuratedLake:
    """Puts rows of CSVs into the lake and remembers them; `differences` says what is amiss."""

    def __init__(self, aws: Aws, directory: Path) -> None:
        self.ranges = WrittenLake(aws)
        self.events: dict[Domain, dict[Identity, Event]] = {domain: {} for domain in Domain}
        self._catalog: Catalog = glue_catalog(aws.client("glue"), aws.env)
        self._csv: dict[Domain, list[Cells]] = {}
        self._next: dict[Domain, int] = dict.fromkeys(Domain, 0)
        for domain in Domain:
            WRITE[domain](directory / f"{domain}.csv", ROWS[domain])
            self._csv[domain] = csv_rows(directory / f"{domain}.csv")

    def fresh(
        self, domain: Domain, count: int, *, day: dt.date | None = None, shard: int = 0
    ) -> str:
        """Write a range of the next rows of the CSV; readings may be moved to another day."""
        first = self._next[domain]
        rows = self._csv[domain][first : first + count]
        assert len(rows) == count, f"the {domain} CSV is too short"
        if day is not None:
            rows = [r | {"timestamp": f"{day} {r['timestamp'].split()[1]}"} for r in rows]
        self._next[domain] += count
        return self.put(domain, rows, first, shard=shard)

    def again(self, domain: Domain, first: int, count: int, *, shard: int = 0) -> str:
        """Write a range of rows that are there already."""
        return self.put(domain, self._csv[domain][first : first + count], first, shard=shard)

    def put(self, domain: Domain, rows: Sequence[Cells], first: int, *, shard: int = 0) -> str:
        """Write a range; the first of two events of one identity counts."""
        for row, cells in enumerate(rows, first):
            event = EVENT[domain](cells, SOURCE, row)
            self.events[domain].setdefault((SOURCE, row), event)
        return self.ranges.add(domain, rows, shard=shard, source=SOURCE, first_row=first)

    def table(self, name: str) -> Table:
        """A curated table as it is now."""
        return self._catalog.load_table(f"{GLUE_DATABASE}.{name}")

    def events_table(self, domain: Domain) -> Table:
        """The events table of a domain as it is now."""
        return self.table(events_table(domain).name)

    def snapshots(self, domain: Domain) -> dict[str, int | None]:
        """The current snapshot of each table of a domain."""
        names = [table.name for table in curated_tables() if table.domain == domain]
        heads = {name: self.table(name).current_snapshot() for name in names}
        return {name: head.snapshot_id if head else None for name, head in heads.items()}

    def published(self, domain: Domain) -> Published:
        """What the current snapshot says of positions, or the nearest one before it that does."""
        table = self.events_table(domain)
        one = table.current_snapshot()
        while one is not None:
            said = one.summary.additional_properties if one.summary else {}
            if SUMMARY_KEY in said:
                return decode_published(said[SUMMARY_KEY], table.name()[-1])
            one = table.snapshot_by_id(one.parent_snapshot_id) if one.parent_snapshot_id else None
        raise AssertionError(f"no snapshot of {domain} says {SUMMARY_KEY}")

    def data_files(self, domain: Domain) -> int:
        """How many files the events are in."""
        return len(list(self.events_table(domain).scan().plan_files()))

    def differences(self, domain: Domain, without: Sequence[Identity] = ()) -> list[str]:
        """Say where the curated tables are not what plain Python makes of the events."""
        expected = {k: v for k, v in self.events[domain].items() if k not in set(without)}
        rows = self.events_table(domain).scan().to_arrow().to_pylist()
        found = {(row["event_source"], row["event_row"]): row for row in rows}
        told = [f"{len(rows) - len(found)} rows twice"] if len(rows) != len(found) else []
        if found.keys() != expected.keys():
            told.append(f"{len(expected.keys() - found.keys())} missing, "
                        f"{len(found.keys() - expected.keys())} too many")  # fmt: skip
        told += [
            f"{identity}: {column} is {found[identity][column]}, not {value}"
            for identity, event in expected.items() if identity in found
            for column, value in event.items() if found[identity][column] != value
        ]  # fmt: skip
        for name, made in AGGREGATES[domain].items():
            if _sorted(self.table(name).scan().to_arrow().to_pylist()) != _sorted(
                made(list(expected.values()))
            ):
                told.append(f"{name} differs")
        return told[:5]


def _sorted(rows: list[Row]) -> list[Row]:
    # By column name, so that the order of columns does not count
    plainly = [dict(sorted(row.items())) for row in rows]
    return sorted(plainly, key=lambda row: str([str(value) for value in row.values()]))
