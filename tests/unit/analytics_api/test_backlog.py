"""A large lake is counted in slices: answers come early, say how far they reach, end up right."""

from __future__ import annotations

import logging
import time

import pytest

from analytics_api.domain_follower import READ_AHEAD
from analytics_api.follower import Follower
from analytics_api.service import LakeService
from lake_core.names import Domain
from lake_core.rules import DEFAULT
from tests.unit.analytics_api.expectations import (
    assert_figures,
    expected_manufacturing,
    purchase_rows,
    reading_rows,
)
from tests.unit.analytics_api.lake_builder import ARRIVAL, Api, Builder

COUNT = 2 * READ_AHEAD + 10


@pytest.fixture(scope="module")
def backlog() -> Builder:
    builder = Builder()
    for row, reading in enumerate(reading_rows(COUNT)):
        builder.add(Domain.MANUFACTURING, [reading], first_row=row, arrival=ARRIVAL + row * 1000)
    builder.add(Domain.ECOMMERCE, purchase_rows(5))
    return builder


def test_answers_come_before_everything_is_counted_and_say_how_far_they_reach(
    backlog: Builder,
) -> None:
    api = Api(backlog.lake, slice_seconds=0.0).poll()
    assert api.service.follower.behind
    answer = api.ok("/v1/insights/manufacturing")
    assert answer["records_analyzed"] == READ_AHEAD
    assert answer["freshness"]["data_through"] == "2026-11-23T18:39:55.361Z"  # of the 64th
    assert api.ok("/v1/insights/ecommerce")["total_customers_analyzed"] == 5
    status, _, problem = api.get("/readyz")
    assert (status, problem["detail"]) == (
        503,
        f"the lake is being read: {COUNT - READ_AHEAD} objects are known and not counted yet",
    )
    assert api.ok("/v1/lake/integrity")["shards"][0]["verified"] is True


def test_slices_add_up_to_the_whole(backlog: Builder) -> None:
    api = Api(backlog.lake, slice_seconds=0.0)
    api.service.follower.catch_up()
    api.poll()
    assert api.service.follower.polls > 2
    assert_figures(
        api.ok("/v1/insights/manufacturing"), expected_manufacturing(reading_rows(COUNT))
    )
    assert api.ok("/readyz") == {"status": "ready", "notes": []}


def test_the_thread_goes_on_at_once_while_it_is_behind(backlog: Builder) -> None:
    follower = Follower(backlog.lake, DEFAULT, lambda: ARRIVAL / 1000, slice_seconds=0.0)
    service = LakeService(follower, DEFAULT, poll_seconds=3600)
    service.start()
    deadline = time.monotonic() + 10
    while not follower.caught_up and time.monotonic() < deadline:
        time.sleep(0.01)
    service.stop()
    assert follower.caught_up


def test_a_stop_in_the_middle_of_a_backlog_is_quiet(
    backlog: Builder, caplog: pytest.LogCaptureFixture
) -> None:
    follower = Follower(backlog.lake, DEFAULT, lambda: ARRIVAL / 1000, slice_seconds=0.0)
    service = LakeService(follower, DEFAULT, poll_seconds=1)
    service.start()
    service.stop()
    assert service.failure is None
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_zero_row_range_counts_as_an_object_and_changes_no_figure() -> None:
    builder = Builder()
    builder.add(Domain.MANUFACTURING, [], unusable=3)
    builder.add(Domain.ECOMMERCE, [], unusable=1)
    api = Api(builder.lake).poll()
    assert api.get("/v1/insights/manufacturing")[0] == 503  # the mean of nothing
    assert api.ok("/v1/lake")["zones"]["processed"]["manufacturing"]["unusable_entries"] == 3
    builder.add(Domain.MANUFACTURING, reading_rows(3))
    assert api.poll().ok("/v1/insights/manufacturing")["data_quality_score"] == 0.5
