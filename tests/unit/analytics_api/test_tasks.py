"""The analytics tasks: from curated tables to state and insights, whichever way they get there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_api.current import Current, decode_current
from analytics_api.lake_state import decode_state
from lake_core.errors import InputError, UnreadableObject
from lake_core.layout import current_key, insights_prefix, state_prefix
from lake_core.names import Domain
from lake_core.rules import DEFAULT
from tests.unit.analytics_api.curated_builder import Tasks
from tests.unit.analytics_api.expectations import (
    assert_figures,
    expected_ecommerce,
    expected_manufacturing,
    purchase_rows,
    reading_rows,
)
from tests.unit.analytics_api.lake_builder import Builder, MemoryLake, filled

READINGS, PURCHASES = reading_rows(400), purchase_rows(200)


def current(lake: MemoryLake, subject: str) -> Current:
    return decode_current(lake.objects[current_key(subject)], subject)


def insights(lake: MemoryLake, subject: str) -> Any:
    return json.loads(lake.objects[current(lake, subject).insights])


def test_the_tasks_publish_what_plain_python_says_of_the_rows() -> None:
    lake = filled(READINGS, PURCHASES).lake
    tasks = Tasks(lake)
    tasks.batch()
    machines, customers = expected_manufacturing(READINGS), expected_ecommerce(PURCHASES)
    assert_figures(insights(lake, "manufacturing")["insights"], machines)
    assert_figures(insights(lake, "ecommerce")["insights"], customers)
    assert insights(lake, "manufacturing")["risk_drivers"]["fleet"]["machines"] == 7
    assert insights(lake, "ecommerce")["mix"]["purchases"] == 200
    both = insights(lake, "integrated")
    assert len(both["trend"]["days"]) > 10
    assert_figures(both["manufacturing"], machines)
    assert both["cross_domain_insights"]["business_health_index"] == pytest.approx(
        0.5 * (1 - machines["high_risk_machines"] / machines["total_machines_analyzed"])
        + 0.5 * customers["high_value_customers"] / customers["total_customers_analyzed"]
    )


def test_what_is_published_says_what_it_was_made_from() -> None:
    lake = filled(READINGS, PURCHASES).lake
    tasks = Tasks(lake)
    tasks.tables.etl(Domain.MANUFACTURING)
    tasks.analyze(Domain.MANUFACTURING, "run-7")
    said = insights(lake, "manufacturing")
    assert (said["run_id"], said["scoring_version"]) == ("run-7", "default-1")
    (made_from,) = said["made_from"]
    assert (made_from["table"], made_from["snapshot_id"]) == ("manufacturing_events", "1")
    assert made_from["rows"] == made_from["rows_expected"] == 400
    assert {one["shard"][-1]: one["last"] for one in made_from["positions"]} == {
        "0": "368", "1": "235",
    }  # fmt: skip


def test_nothing_new_writes_nothing() -> None:
    tasks = Tasks(filled(READINGS, PURCHASES).lake)
    tasks.batch()
    before = dict(tasks.tables.lake.objects)
    for domain in Domain:
        tasks.analyze(domain)
    tasks.integrate()
    assert tasks.tables.lake.objects == before


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=8),
    st.data(),
    st.sampled_from([*Domain]),
)
@settings(deadline=None, max_examples=25)
def test_a_continued_state_equals_one_from_nothing(
    cuts: list[int], data: st.DataObject, domain: Domain
) -> None:
    """Any cut into ranges, shards and runs; some events are sent twice, some have no identity."""
    rows = (READINGS if domain is Domain.MANUFACTURING else PURCHASES)[: sum(cuts)]
    builder, continued = Builder(), Tasks(MemoryLake())
    continued.tables.lake = builder.lake
    at = 0
    for size in cuts:
        some, first = rows[at : at + size], at
        if data.draw(st.integers(0, 3)) == 0 and at:
            first = max(0, at - size // 2)  # half of it is sent again
            some = rows[first : first + size]
        source = data.draw(st.sampled_from(["f.csv-0a-0", "f.csv-0a-1", None]))
        builder.add(
            domain, some, shard=data.draw(st.integers(0, 2)), first_row=first, source=source
        )
        at += size
        if data.draw(st.booleans()):
            continued.tables.etl(domain, data.draw(st.integers(1, 3)))
            continued.analyze(domain)
    continued.tables.etl(domain)
    continued.analyze(domain)
    fresh = Tasks(MemoryLake())
    fresh.tables = continued.tables
    kept = builder.lake.objects[current(builder.lake, domain).state or ""]
    for key in [key for key in builder.lake.objects if key.startswith("analytics/")]:
        del builder.lake.objects[key]
    fresh.analyze(domain)
    assert builder.lake.objects[current(builder.lake, domain).state or ""] == kept


def test_only_what_is_new_is_read_for_a_continued_state() -> None:
    builder = filled(READINGS, PURCHASES)
    tasks = Tasks(builder.lake)
    tasks.tables.etl(Domain.MANUFACTURING)
    tasks.analyze(Domain.MANUFACTURING)
    builder.add(Domain.MANUFACTURING, READINGS[:5], shard=1, first_row=900)
    tasks.tables.etl(Domain.MANUFACTURING)
    tasks.analyze(Domain.MANUFACTURING)
    first, (part,) = tasks.tables.reads[0], tasks.tables.reads[1] or ()
    assert first is None
    assert (part.shard[-1], part.behind) == ("1", "235")
    assert insights(builder.lake, "manufacturing")["insights"]["records_analyzed"] == 405


def test_a_table_that_was_taken_back_is_read_from_the_start() -> None:
    builder = filled(READINGS, PURCHASES)
    tasks = Tasks(builder.lake)
    tasks.tables.etl(Domain.MANUFACTURING, 1)
    past = tasks.tables.tables[Domain.MANUFACTURING]
    tasks.tables.etl(Domain.MANUFACTURING)
    tasks.analyze(Domain.MANUFACTURING)
    tasks.tables.touched(Domain.MANUFACTURING, past)
    tasks.analyze(Domain.MANUFACTURING)
    assert tasks.tables.reads[-1] is None
    said = insights(builder.lake, "manufacturing")["insights"]["records_analyzed"]
    assert said == past.at.rows < 400


def test_a_range_that_comes_back_is_counted_too() -> None:
    builder = filled(READINGS, PURCHASES)
    broken = sorted(k for k in builder.lake.objects if "manufacturing" in k)[-1]
    tasks = Tasks(builder.lake)
    tasks.tables.etl(Domain.MANUFACTURING, aside=[broken])
    tasks.analyze(Domain.MANUFACTURING)
    assert insights(builder.lake, "manufacturing")["made_from"][0]["set_aside"][0]["key"] == broken
    tasks.tables.etl(Domain.MANUFACTURING)
    tasks.analyze(Domain.MANUFACTURING)
    assert insights(builder.lake, "manufacturing")["insights"]["records_analyzed"] == 400


def test_a_damaged_last_state_is_not_continued() -> None:
    builder = filled(READINGS, PURCHASES)
    tasks = Tasks(builder.lake)
    tasks.tables.etl(Domain.ECOMMERCE, 1)
    key = tasks.analyze(Domain.ECOMMERCE).state or ""
    builder.lake.objects[key] = builder.lake.objects[key][:-1]
    tasks.tables.etl(Domain.ECOMMERCE)
    tasks.analyze(Domain.ECOMMERCE)
    assert_figures(insights(builder.lake, "ecommerce")["insights"], expected_ecommerce(PURCHASES))


def test_without_a_table_the_task_names_the_cure() -> None:
    with pytest.raises(InputError, match="run the ETL job first"):
        Tasks(MemoryLake()).analyze(Domain.ECOMMERCE)


def test_without_a_state_the_integration_names_the_cure() -> None:
    with pytest.raises(InputError, match="run the manufacturing analytics task first"):
        Tasks(MemoryLake()).integrate()


def test_an_empty_table_has_nothing_to_say_and_is_no_error() -> None:
    tasks = Tasks(MemoryLake())
    tasks.batch()
    assert insights(tasks.tables.lake, "integrated")["cross_domain_insights"] is None


def test_old_versions_go_and_the_current_one_stays() -> None:
    builder = filled(READINGS, PURCHASES)
    tasks = Tasks(builder.lake)
    for number in range(8):
        builder.add(Domain.ECOMMERCE, PURCHASES[:2], first_row=1000 + 2 * number)
        tasks.tables.etl(Domain.ECOMMERCE)
        tasks.analyze(Domain.ECOMMERCE)
    for prefix in (state_prefix(Domain.ECOMMERCE), insights_prefix(Domain.ECOMMERCE)):
        kept = [stored.key for stored in builder.lake.list(prefix)]
        assert len(kept) == 5
    assert current(builder.lake, "ecommerce").state in builder.lake.objects


class RacedLake(MemoryLake):
    """A bucket where another task is quicker once."""

    def __init__(self) -> None:
        super().__init__()
        self.rival: Any = None

    def replace(self, key: str, body: bytes, etag: str | None) -> bool:
        rival, self.rival = self.rival, None
        if rival:
            rival()
        return super().replace(key, body, etag)


def test_of_two_tasks_at_once_the_newer_table_counts() -> None:
    builder, lake = filled(READINGS, PURCHASES), RacedLake()
    lake.objects = builder.lake.objects
    tasks = Tasks(lake)
    tasks.tables.etl(Domain.MANUFACTURING, 1)

    def rival() -> None:
        tasks.tables.etl(Domain.MANUFACTURING)
        tasks.analyze(Domain.MANUFACTURING, "rival")

    lake.rival = rival
    assert tasks.analyze(Domain.MANUFACTURING, "slow").run_id == "rival"
    assert insights(lake, "manufacturing")["insights"]["records_analyzed"] == 400


def test_a_state_of_a_newer_program_is_neither_read_nor_replaced() -> None:
    builder = filled(READINGS, PURCHASES)
    tasks = Tasks(builder.lake)
    tasks.tables.etl(Domain.MANUFACTURING)
    key = tasks.analyze(Domain.MANUFACTURING).state or ""
    newer = builder.lake.objects[key].replace(b'"format_version":1', b'"format_version":2', 1)
    with pytest.raises(UnreadableObject, match="has format 2, this program reads up to 1: upgrade"):
        decode_state(newer, key, DEFAULT)
    pointer = current_key("manufacturing")
    builder.lake.objects[pointer] = builder.lake.objects[pointer].replace(
        b'"state_format": 1', b'"state_format": 2'
    )
    before = builder.lake.objects[pointer]
    with pytest.raises(UnreadableObject, match="upgrade it first"):
        tasks.analyze(Domain.MANUFACTURING)
    assert builder.lake.objects[pointer] == before
