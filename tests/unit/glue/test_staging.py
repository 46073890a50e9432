"""Rows on their way to Spark: few large files, their identities known, no litter left."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lake_core.arrow import lake_schema
from lake_core.layout import Chain, RangeName, hour_of
from lake_core.names import Domain
from lake_glue.identities import Identities
from lake_glue.ranges import StoredObject
from lake_glue.staging import Staging, remove_litter, staging_prefix
from tests.unit.glue.moments import ARRIVAL, moment

DOMAIN = Domain.MANUFACTURING
CHAIN = Chain(DOMAIN, "20261123T181500123Z", "shardId-000000000001")
NAME = RangeName(CHAIN, hour_of(moment(ARRIVAL)), 1)
DAY = 24 * 3_600_000
Pair = tuple[str | None, int | None]


@dataclass
class MemoryObjects:
    """A bucket in memory; all was written at `ARRIVAL`."""

    objects: dict[str, bytes] = field(default_factory=dict)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        for key in [key for key in self.objects if key.startswith(prefix)]:
            yield StoredObject(key, len(self.objects[key]), ARRIVAL)

    def write(self, key: str, body: bytes) -> None:
        self.objects[key] = body

    def remove(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.objects.pop(key, None)


def rows(*pairs: Pair) -> pa.Table:
    schema = lake_schema(DOMAIN)
    given = {"event_source": [one for one, _ in pairs], "event_row": [row for _, row in pairs]}
    columns = {name: given.get(name, [None] * len(pairs)) for name in schema.names}
    return pa.table(columns, schema=schema)


def test_ranges_go_into_one_file_with_the_name_of_their_chain() -> None:
    objects = MemoryObjects()
    staging = Staging(objects, DOMAIN, "run-1")
    staging.add(NAME, rows(("f", 1), ("f", 2)))
    staging.add(NAME, rows())
    staging.add(NAME, rows(("f", 3)))
    staging.flush()
    (key,) = staging.keys
    written = pq.read_table(io.BytesIO(objects.objects[key]))
    assert written["event_row"].to_pylist() == [1, 2, 3]
    assert set(written["shard"].to_pylist()) == {CHAIN.shard}
    staging.remove()
    assert objects.objects == {}


def test_two_runs_of_one_name_do_not_take_each_others_files() -> None:
    objects = MemoryObjects()
    pair = [Staging(objects, DOMAIN, "by-hand") for _ in range(2)]
    for staging in pair:
        staging.add(NAME, rows(("f", 1)))
        staging.flush()
    pair[0].remove()
    assert list(objects.objects) == pair[1].keys


def test_litter_of_dead_runs_goes_after_a_day() -> None:
    objects = MemoryObjects({f"{staging_prefix(DOMAIN)}dead/0.parquet": b"", "else": b""})
    assert remove_litter(objects, DOMAIN, ARRIVAL + DAY) == 0
    assert remove_litter(objects, DOMAIN, ARRIVAL + DAY + 1) == 1
    assert list(objects.objects) == ["else"]


@pytest.mark.parametrize(
    ("ranges", "repeats"),
    [
        ([[("f", 1), ("f", 2)], [("f", 3)]], False),
        ([[("f", 1), ("f", 1)]], True),
        ([[("f", 1)], [("g", 2), ("f", 1)]], True),
        ([[("f", 1)], [("g", 1)]], False),
        ([[(None, 1), (None, 1), ("f", None), ("f", None)]], False),
    ],
)
def test_an_identity_that_comes_twice_is_noticed(ranges: list[list[Pair]], repeats: bool) -> None:
    identities = Identities()
    for pairs in ranges:
        identities.add(rows(*pairs))
    assert identities.repeat() == repeats


def test_sources_and_span_say_what_the_table_can_have_of_them() -> None:
    identities = Identities()
    assert (identities.sources, identities.span) == ([], (0, -1))
    identities.add(rows(("g", 7), ("f", 12), (None, 99)))
    identities.add(rows(("f", 3)))
    assert (identities.sources, identities.span) == (["f", "g"], (3, 12))
