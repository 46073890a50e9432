"""The demo keeps every answer, whole, and does not call a wrong lake right."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from rich.console import Console

from lake_core.names import Domain
from lake_local.demo import LISTS, SINGLE, DemoFailed, all_arrived, collect, print_insights
from lake_local.http_client import Answer, HttpClient

MACHINES = [{"machine_id": number} for number in range(1, 6)]
CUSTOMERS = [{"customer_id": "37-611-6911"}, {"customer_id": "a/b c"}]


class PagedApi(HttpClient):
    """Answers in pages of two, as the API does in its own size."""

    def __init__(self, broken: str | None = None) -> None:
        super().__init__("http://nowhere")
        self._broken = broken
        self._lists: dict[str, list[dict[str, Any]]] = {
            "/v1/machines": MACHINES,
            "/v1/customers": CUSTOMERS,
            "/v1/alerts": [],
        }

    def get(self, path: str) -> Answer:
        parts = urlsplit(path)
        if parts.path == self._broken:
            return Answer(503, {"title": "not yet"}, "Service Unavailable")
        if parts.path not in self._lists:
            return Answer(200, {"path": path})
        items = self._lists[parts.path]
        start = int(parse_qs(parts.query).get("cursor", ["0"])[0])
        after = start + 2
        cursor = str(after) if after < len(items) else None
        return Answer(200, {"items": items[start:after], "next_cursor": cursor})


def test_lists_are_kept_over_all_their_pages() -> None:
    answers = collect(PagedApi())
    assert answers["/v1/machines"] == {"items": MACHINES, "next_cursor": None}
    assert answers["/v1/alerts"]["items"] == []


def test_every_machine_and_customer_is_kept_by_its_path() -> None:
    answers = collect(PagedApi())
    assert {f"/v1/machines/{number}" for number in range(1, 6)} <= set(answers)
    assert "/v1/customers/a%2Fb%20c" in answers
    assert {*SINGLE, *LISTS} <= set(answers)


def test_an_answer_that_does_not_come_is_named() -> None:
    with pytest.raises(DemoFailed, match="/v1/lake/integrity answered 503"):
        collect(PagedApi(broken="/v1/lake/integrity"))


def test_the_insights_are_printed_as_a_table() -> None:
    stream = io.StringIO()
    insights = {
        "cross_domain_insights": {"business_health_index": 0.541234},
        "manufacturing": {"records_analyzed": 100_000, "freshness": {"lag_seconds": 1}},
        "ecommerce": {"most_popular_category": "Electronics"},
    }
    print_insights(insights, Console(file=stream, width=100))
    for wanted in ("business health index", "0.5412", "100,000", "Electronics"):
        assert wanted in stream.getvalue()


class DuplicatesApi(HttpClient):
    """Knows how many events came twice."""

    def __init__(self, twice: int) -> None:
        super().__init__("http://nowhere")
        self._twice = twice

    def get(self, path: str) -> Answer:
        assert path == "/v1/lake/integrity"
        shards = [
            {"domain": "manufacturing", "producer_duplicates": self._twice},
            {"domain": "ecommerce", "producer_duplicates": 99},
        ]
        return Answer(200, {"verified": True, "shards": shards})


@pytest.mark.parametrize(
    ("arrived", "twice", "expected"),
    [(9, 0, False), (10, 0, True), (10, 1, False), (11, 1, True)],
)
def test_what_the_producer_sent_twice_counts_once(arrived: int, twice: int, expected: bool) -> None:
    assert all_arrived(Domain.MANUFACTURING, 10, arrived, DuplicatesApi(twice)) is expected


def test_more_than_was_sent_is_an_error() -> None:
    with pytest.raises(DemoFailed, match="11 events arrived, 0 of them known as sent twice"):
        all_arrived(Domain.MANUFACTURING, 10, 11, DuplicatesApi(0))
