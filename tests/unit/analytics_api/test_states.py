"""The API over states and tails: equal to reading everything, and never older than it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lake_core.layout import current_key
from lake_core.names import Domain
from tests.unit.analytics_api.curated_builder import Tasks
from tests.unit.analytics_api.expectations import (
    assert_figures,
    expected_ecommerce,
    expected_manufacturing,
    purchase_rows,
    reading_rows,
)
from tests.unit.analytics_api.lake_builder import ARRIVAL, Api, Builder, MemoryLake, filled

READINGS, PURCHASES = reading_rows(400), purchase_rows(200)
ROWS = {Domain.MANUFACTURING: READINGS, Domain.ECOMMERCE: PURCHASES}
MINUTE = 60_000
PATHS = (
    "/v1/insights/manufacturing", "/v1/insights/ecommerce", "/v1/insights/integrated",
    "/v1/insights/trend?days=400", "/v1/insights/risk-drivers", "/v1/insights/mix",
    "/v1/insights/segment-migration", "/v1/insights/trend", "/v1/insights/completeness",
    "/v1/machines?limit=1000", "/v1/machines?sort=alerts", "/v1/customers?limit=1000",
    "/v1/customers?sort=amount", "/v1/alerts?limit=1000", "/v1/lake", "/v1/lake/integrity",
    "/readyz",
)  # fmt: skip


def answers(api: Api) -> str:
    """Every answer as text, without what says where it came from."""
    said = {path: api.get(path)[2] for path in (*PATHS, *_items(api))}
    return json.dumps({path: _plain(answer) for path, answer in said.items()}, indent=1)


def _items(api: Api) -> list[str]:
    machines = api.get("/v1/machines?limit=1000")[2]["items"]
    customers = api.get("/v1/customers?limit=1000")[2]["items"]
    return [
        *(f"/v1/machines/{one['machine_id']}" for one in machines),
        *(f"/v1/customers/{one['customer_id']}" for one in customers),
    ]


def _plain(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {
            key: _plain(value)
            for key, value in answer.items()
            # An event that two shards carry is the duplicate of the one that was read first.
            if key not in {"freshness", "proven_by_etl", "curated", "producer_duplicates"}
        }
    return [_plain(one) for one in answer] if isinstance(answer, list) else answer


def from_scratch(lake: MemoryLake) -> str:
    return answers(Api(lake, from_states=False).poll())


class History:
    """Commits at random: rows in order, some twice, some without identity, over three shards."""

    def __init__(self, data: st.DataObject) -> None:
        self.builder = Builder()
        self.at = dict.fromkeys(Domain, 0)
        self._data = data

    def commit(self) -> None:
        draw = self._data.draw
        domain = draw(st.sampled_from([*Domain]))
        size, at = draw(st.integers(1, 25)), self.at[domain]
        first = max(0, at - size // 2) if draw(st.integers(0, 3)) == 0 else at
        source = draw(st.sampled_from(["f.csv-0a-0", "f.csv-0a-0", "f.csv-0a-1", None]))
        self.builder.add(
            domain, ROWS[domain][first : at + size], shard=draw(st.integers(0, 2)), source=source,
            first_row=first, unusable=draw(st.integers(0, 1)),
            arrival=ARRIVAL + at * draw(st.integers(0, 2)) * MINUTE // 4,
        )  # fmt: skip
        self.at[domain] = at + size


@given(st.integers(1, 8), st.integers(0, 6), st.integers(1, 3), st.data())
@settings(deadline=None, max_examples=25)
def test_any_state_and_its_tail_answer_as_reading_everything_does(
    before: int, after: int, ranges: int, data: st.DataObject
) -> None:
    history = History(data)
    for _ in range(before):
        history.commit()
    Tasks(history.builder.lake).batch(ranges)
    for _ in range(after):
        history.commit()
    api = Api(history.builder.lake).poll()
    assert answers(api) == from_scratch(history.builder.lake)


@given(st.lists(st.sampled_from(["commit", "batch", "poll"]), max_size=20), st.data())
@settings(deadline=None, max_examples=25)
def test_no_answer_gets_older_or_changes_by_a_move(steps: list[str], data: st.DataObject) -> None:
    history = History(data)
    history.commit()
    tasks, api = Tasks(history.builder.lake), Api(history.builder.lake, slice_seconds=0.0)
    counted = 0
    for step in steps:
        if step == "commit":
            history.commit()
        elif step == "batch":
            tasks.batch(data.draw(st.integers(1, 3)))
        api.now += 6
        api.poll()
        answer = api.get("/v1/lake")[2]
        rows = sum(one["rows"] for one in answer["zones"]["processed"].values())
        assert rows >= counted
        counted = rows
    api.service.follower.catch_up()
    api.now += 16
    api.poll()
    assert answers(api) == from_scratch(history.builder.lake)


def test_the_start_reads_the_tail_only_and_lists_from_where_the_state_ends() -> None:
    builder = filled(READINGS[:300], PURCHASES)
    Tasks(builder.lake).batch()
    builder.add(Domain.MANUFACTURING, READINGS[300:], shard=1, first_row=300)
    builder.lake.reads = 0
    builder.lake.listed.clear()
    api = Api(builder.lake).poll()
    assert_figures(api.ok("/v1/insights/manufacturing"), expected_manufacturing(READINGS))
    assert_figures(api.ok("/v1/insights/ecommerce"), expected_ecommerce(PURCHASES))
    assert builder.lake.reads == 3  # two states and a range
    assert all(after for prefix, after in builder.lake.listed if prefix.startswith("processed/"))


def test_freshness_says_what_an_answer_was_made_from() -> None:
    builder = filled(READINGS[:300], PURCHASES)
    assert sources(Api(builder.lake).poll()) == (["processed"], ["processed"])
    Tasks(builder.lake).batch()
    api = Api(builder.lake).poll()
    assert sources(api) == (["analytics"], ["analytics"])
    builder.add(Domain.MANUFACTURING, READINGS[300:], first_row=300)
    assert sources(api.poll()) == (["analytics", "processed"], ["analytics"])
    assert api.ok("/v1/insights/integrated")["freshness"]["sources"] == ["analytics", "processed"]


def sources(api: Api) -> tuple[list[str], list[str]]:
    said = [api.ok(f"/v1/insights/{domain}")["freshness"]["sources"] for domain in Domain]
    return said[0], said[1]


def test_a_running_api_moves_to_a_newer_state_and_its_answers_stay() -> None:
    builder = filled(READINGS[:300], PURCHASES)
    api = Api(builder.lake).poll()
    Tasks(builder.lake).batch()
    builder.add(Domain.MANUFACTURING, READINGS[300:], first_row=300)
    before = answers(api.poll())
    assert api.ok("/v1/lake/integrity")["curated"]["manufacturing"] is None
    api.now += 6
    assert_same_but_lake_size(answers(api.poll()), before)
    curated = api.ok("/v1/lake/integrity")["curated"]["manufacturing"]
    assert (curated["events"], curated["snapshot_id"]) == (300, "1")
    shard = api.ok("/v1/lake/integrity")["shards"][0]
    assert (shard["domain"], shard["proven_by_etl"]["objects"], shard["objects"]) == (
        "manufacturing", 2, 3,
    )  # fmt: skip


def assert_same_but_lake_size(one: str, other: str) -> None:
    first, second = json.loads(one), json.loads(other)
    assert (
        first.pop("/v1/lake")["zones"]["processed"] == second.pop("/v1/lake")["zones"]["processed"]
    )
    assert first == second


def test_what_has_expired_behind_a_state_is_no_hole() -> None:
    builder = filled(READINGS, PURCHASES)
    Tasks(builder.lake).batch()
    running = Api(builder.lake).poll()
    for key in [key for key in builder.lake.objects if key.startswith("processed/")]:
        del builder.lake.objects[key]
    builder.add(Domain.MANUFACTURING, READINGS[:7], shard=1, first_row=800)
    for api in (running, Api(builder.lake)):
        for _ in range(3):
            api.now += 301
            api.poll()
        assert api.ok("/v1/lake/integrity")["verified"] is True
        assert api.ok("/v1/insights/manufacturing")["records_analyzed"] == 407


def test_a_range_that_was_set_aside_is_told_with_its_reason() -> None:
    builder = filled(READINGS, PURCHASES)
    broken = sorted(key for key in builder.lake.objects if "manufacturing" in key)[-1]
    Tasks(builder.lake).batch(aside=[broken])
    # The table goes on behind it; here it is the chain's last range, so only the note is left.
    proof = Api(builder.lake).poll().ok("/v1/lake/integrity")
    assert proof["verified"] is False
    (shard,) = (one for one in proof["shards"] if one["set_aside"])
    assert shard["set_aside"] == [{"key": broken, "reason": "it is broken"}]
    assert f"{broken} was set aside: it is broken" in shard["problems"]


def test_a_state_that_lacks_what_is_counted_is_not_moved_to() -> None:
    builder = filled(READINGS, PURCHASES)
    aside = sorted(key for key in builder.lake.objects if "manufacturing" in key)[0]
    api = Api(builder.lake).poll()
    before = answers(api)
    Tasks(builder.lake).batch(aside=[aside])
    api.now += 6
    api.poll()
    assert_same_but_lake_size(answers(api), before)
    assert api.ok("/v1/lake/integrity")["curated"]["manufacturing"] is None
    assert api.ok("/v1/lake/integrity")["curated"]["ecommerce"] is not None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b'"format_version":1', b'"format_version":9', "has format 9, this program reads up to 1"),
        (b"default-1", b"default-2", "altered"),
    ],
)
def test_a_state_that_cannot_be_used_is_told_and_the_lake_is_read(
    old: bytes, new: bytes, said: str
) -> None:
    builder = filled(READINGS, PURCHASES)
    key = Tasks(builder.lake)
    key.batch()
    pointer = json.loads(builder.lake.objects[current_key("manufacturing")])
    state = builder.lake.objects[pointer["state"]]
    builder.lake.objects[pointer["state"]] = state.replace(old, new, 1)
    api = Api(builder.lake).poll()
    assert_figures(api.ok("/v1/insights/manufacturing"), expected_manufacturing(READINGS))
    (note,) = api.ok("/readyz")["notes"]
    assert said in note
    assert "manufacturing is read from its first range" in note
    builder.lake.objects[pointer["state"]] = state
    api.now += 301
    assert api.poll().ok("/readyz")["notes"] == []
    assert sources(api)[0] == ["analytics"]


def test_a_bucket_that_is_away_at_the_start_is_not_read_from_the_start_later() -> None:
    builder = filled(READINGS, PURCHASES)
    Tasks(builder.lake).batch()
    builder.lake.away = True
    api = Api(builder.lake).poll()
    builder.lake.away = False
    builder.lake.reads = 0
    assert sources(api.poll()) == (["analytics"], ["analytics"])
    assert builder.lake.reads == 2


def test_a_table_that_somebody_else_changed_is_not_verified() -> None:
    builder = filled(READINGS, PURCHASES)
    tasks = Tasks(builder.lake)
    tasks.tables.etl(Domain.MANUFACTURING)
    table = tasks.tables.tables[Domain.MANUFACTURING]
    table.rows[0] = table.rows[0].slice(1)
    tasks.analyze(Domain.MANUFACTURING)
    proof = Api(builder.lake).poll().ok("/v1/lake/integrity")
    assert proof["verified"] is False
    assert "somebody else than the ETL job has changed it" in proof["problems"][0]
