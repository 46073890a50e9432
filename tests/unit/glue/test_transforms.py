"""Rows on their way into the curated tables: efficiencies, and each identity once."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from lake_core.catalog import EFFICIENCY_COLUMNS
from lake_core.names import Domain
from lake_glue.transforms import each_identity_once, with_efficiency
from tests.plain_aggregates import Event
from tests.unit.glue.events import frame, purchase, reading


def efficiencies(spark: SparkSession, domain: Domain, events: list[Event]) -> list[float]:
    rows = with_efficiency(domain, frame(spark, domain, events))
    return [row[EFFICIENCY_COLUMNS[domain]] for row in rows.collect()]


def test_machine_efficiency_is_life_by_energy_between_0_and_500(spark: SparkSession) -> None:
    expected = {
        (100, 2.0): 50.0, (499, 0.5): 500.0, (250, 0.5): 500.0, (1, 3.0): 1 / 3,
        (7, 0.29): 7 / 0.29, (5, 0.0): 0.0, (5, -0.01): 0.0, (0, 1.0): 0.0,
    }  # fmt: skip
    events = [
        reading(predicted_remaining_life=life, energy_consumption=energy)
        for life, energy in expected
    ]
    assert efficiencies(spark, Domain.MANUFACTURING, events) == list(expected.values())


def test_purchase_efficiency_is_amount_by_days(spark: SparkSession) -> None:
    events = [purchase(purchase_amount=333.8, time_to_decision=days) for days in (2, 0)]
    assert efficiencies(spark, Domain.ECOMMERCE, events) == [166.9, 0.0]


def once(spark: SparkSession, new: list[Event], known: list[Event]) -> list[Event]:
    rows = each_identity_once(
        frame(spark, Domain.ECOMMERCE, new), frame(spark, Domain.ECOMMERCE, known)
    )
    return [row.asDict() for row in rows.collect()]


def names(rows: list[Event]) -> list[tuple[str | None, int | None]]:
    return sorted((row["event_source"], row["event_row"]) for row in rows)


def test_an_event_that_is_known_or_comes_twice_goes_in_once(spark: SparkSession) -> None:
    new = [purchase(event_row=row) for row in (1, 2, 2, 3)]
    assert names(once(spark, new, [purchase(event_row=1)])) == [
        ("f.csv-0a-0", 2), ("f.csv-0a-0", 3),
    ]  # fmt: skip


def test_the_same_row_of_another_lap_is_another_event(spark: SparkSession) -> None:
    again = purchase(event_source="f.csv-0a-1")
    assert len(once(spark, [again, purchase()], [purchase(event_source="f.csv-0a-2")])) == 2


def test_events_without_a_name_are_all_kept(spark: SparkSession) -> None:
    nameless = [
        purchase(event_source=None, event_row=None), purchase(event_source=None, event_row=None),
        purchase(event_source="f", event_row=None), purchase(event_source=None, event_row=1),
    ]  # fmt: skip
    assert len(once(spark, nameless, nameless)) == 4


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_copies_the_one_that_came_first_on_the_stream_is_kept(
    spark: SparkSession, turned: bool
) -> None:
    copies = [
        purchase(sequence_number="99", record_index=3, shard="shardId-000000000001"),
        purchase(sequence_number="100", record_index=0, shard="shardId-000000000001"),
        purchase(sequence_number="99", record_index=12, shard="shardId-000000000001"),
    ]
    (kept,) = once(spark, copies[::-1] if turned else copies, [])
    assert (kept["sequence_number"], kept["record_index"]) == ("99", 3)
