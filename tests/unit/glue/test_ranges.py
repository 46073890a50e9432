"""A run takes every whole range behind the published position, in order, and names the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from lake_core.arrow import lake_schema
from lake_core.errors import UnreadableObject
from lake_core.footer import Footer
from lake_core.layout import Chain, RangeName, hour_of
from lake_core.names import Domain
from lake_core.parquet import encode_object
from lake_core.published import Published
from lake_glue.ranges import NewRanges, StoredObject, new_ranges
from tests.unit.glue.moments import ARRIVAL, moment

DOMAIN = Domain.MANUFACTURING
INCARNATION = "20261123T181500123Z"
LATER = ARRIVAL + 3_600_000  # behind the patience with a hole


@dataclass
class MemoryLake:
    """A bucket in memory, and how often it was listed."""

    objects: dict[str, bytes] = field(default_factory=dict)
    appear_late: set[str] = field(default_factory=set)  # keys the first listing misses
    listings: int = 0

    def list(self, prefix: str) -> Iterator[StoredObject]:
        self.listings += 1
        for key in sorted(self.objects):
            missed = self.listings == 1 and key in self.appear_late
            if key.startswith(prefix) and not missed:
                yield StoredObject(key, len(self.objects[key]), ARRIVAL)

    def read(self, key: str) -> bytes:
        if key not in self.objects:
            raise UnreadableObject(f"{key} is gone")
        return self.objects[key]

    def add(
        self, first: int, last: int, after: int | None, *, shard: int = 0, gap: bool = False
    ) -> str:
        chain = Chain(DOMAIN, INCARNATION, f"shardId-{shard:012d}")
        rows = last - first + 1
        schema = lake_schema(DOMAIN)
        values = {f.name: ["" if pa.types.is_string(f.type) else 0] * rows for f in schema}
        table = pa.table(values, schema=schema)
        footer = Footer(
            format_version=1, schema_version=1, scoring_version="default-1", domain=DOMAIN,
            shard=chain.shard, incarnation=INCARNATION, first=str(first), last=str(last),
            after=None if after is None else str(after), first_arrival=ARRIVAL,
            last_arrival=ARRIVAL, records=rows, rows=rows, unusable=0, payload_bytes=300 * rows,
            stream_bytes=300 * rows, gap_possible=gap,
        )  # fmt: skip
        key = RangeName(chain, hour_of(moment(ARRIVAL)), first).key
        self.objects[key] = encode_object(table, footer)
        return key

    def damage(self, key: str) -> bytes:
        whole = self.objects[key]
        self.objects[key] = whole[:-20]
        return whole


def run(lake: MemoryLake, published: Published | None = None) -> NewRanges:
    """One run; what it gives to the sink has to be what it says it took."""
    given: list[int] = []
    found = new_ranges(
        lake, DOMAIN, published or Published(domain=DOMAIN), LATER,
        lambda _, table: given.append(table.num_rows),
    )  # fmt: skip
    assert sum(given) == sum(found.rows.values())
    return found


def last(found: NewRanges) -> list[str]:
    return [chain.last for chain in found.published.chains]


def test_a_chain_is_taken_to_its_end_and_the_next_run_takes_what_follows() -> None:
    lake = MemoryLake()
    lake.add(1, 3, None)
    lake.add(4, 6, 3)
    lake.add(1, 2, None, shard=1)
    first = run(lake)
    assert (last(first), sum(first.rows.values())) == (["6", "2"], 8)
    assert not run(lake, first.published).changed
    new = lake.add(7, 7, 6)
    assert run(lake, first.published).keys == (new,)


def test_the_sums_of_the_footers_are_kept_chain_by_chain() -> None:
    lake = MemoryLake()
    lake.add(1, 3, None)
    lake.add(4, 6, 3)
    (chain,) = run(lake).published.chains
    assert (chain.objects, chain.rows, chain.payload_bytes, chain.first) == (2, 6, 1800, "1")


def test_a_range_that_cannot_be_read_is_set_aside_and_the_chain_goes_on_behind_it() -> None:
    lake = MemoryLake()
    lake.add(1, 3, None)
    bad = lake.add(4, 6, 3)
    lake.add(7, 9, 6)
    whole = lake.damage(bad)
    found = run(lake)
    assert (last(found), sum(found.rows.values())) == (["9"], 6)
    assert [one.key for one in found.published.set_aside] == [bad]
    assert found.published.chains[0].overlaps == ()
    lake.objects[bad] = whole  # put right
    again = run(lake, found.published)
    assert (again.keys, again.published.set_aside, last(again)) == ((bad,), (), ["9"])
    assert again.published.chains[0].rows == 9


def test_while_it_stays_broken_nothing_changes() -> None:
    lake = MemoryLake()
    bad = lake.add(1, 3, None)
    lake.add(4, 6, 3)
    lake.damage(bad)
    found = run(lake)
    again = run(lake, found.published)
    assert (again.changed, [one.key for one in again.unreadable]) == (False, [bad])


def test_a_chain_waits_at_a_broken_range_that_nothing_follows() -> None:
    lake = MemoryLake()
    lake.add(1, 3, None)
    bad = lake.add(4, 6, 3)
    whole = lake.damage(bad)
    found = run(lake)
    assert (last(found), found.published.set_aside) == (["3"], ())
    assert [one.key for one in found.unreadable] == [bad]  # named all the same
    lake.objects[bad] = whole
    assert last(run(lake, found.published)) == ["6"]


def test_two_broken_ranges_in_a_row_are_both_set_aside() -> None:
    lake = MemoryLake()
    bad = [lake.add(1, 3, None), lake.add(4, 6, 3)]
    lake.add(7, 9, 6)
    for key in bad:
        lake.damage(key)
    assert [one.key for one in run(lake).published.set_aside] == bad


def test_before_it_goes_on_behind_a_broken_range_it_lists_again() -> None:
    lake = MemoryLake()
    bad = lake.add(1, 3, None)
    lake.appear_late.add(lake.add(4, 6, 3))
    lake.add(7, 9, 6)
    lake.damage(bad)
    found = run(lake)
    assert (lake.listings, last(found), sum(found.rows.values())) == (2, ["9"], 6)


def test_a_hole_without_an_explanation_is_waited_at() -> None:
    lake = MemoryLake()
    lake.add(1, 3, None)
    lake.add(7, 9, 6)
    found = run(lake)
    assert (last(found), found.published.chains[0].gaps) == (["3"], ())


def test_a_hole_that_may_be_one_of_the_stream_is_gone_over_and_reported() -> None:
    lake = MemoryLake()
    lake.add(1, 3, None)
    lake.add(7, 9, 6, gap=True)
    (chain,) = run(lake).published.chains
    assert (chain.last, chain.gaps, chain.possible_gaps) == ("9", (("3", "7"),), ("7",))


def test_an_object_that_is_another_range_is_set_aside() -> None:
    lake = MemoryLake()
    key = lake.add(1, 3, None)
    lake.objects[key] = lake.objects[lake.add(1, 3, None, shard=1)]
    lake.add(4, 6, 3)
    assert [one.key for one in run(lake).published.set_aside] == [key]
