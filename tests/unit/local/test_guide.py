"""What the guide says, and when it is silent."""

from __future__ import annotations

from typing import Any

from lake_local.guide import IDLE_SPEAK_SECONDS, INTEGRATED, LONG_SECONDS, SPEAK_SECONDS, Guide
from lake_local.http_client import Answer

ADDRESS = "http://127.0.0.1:8000"
INSIGHTS = {
    "cross_domain_insights": {"business_health_index": 0.123456},
    "manufacturing": {"high_risk_machines": 7},
    "ecommerce": {"high_value_customers": 84},
}


def lake(readings: int) -> Answer:
    figures = {"rows": readings, "unusable_entries": 0}
    return Answer(200, {"zones": {"processed": {"manufacturing": figures}}})


class Api:
    """Answers what it was given."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}

    def get(self, path: str) -> Answer:
        return self.answers.get(path, Answer(0, None, "connection refused"))

    def ready(self) -> None:
        self.answers[INTEGRATED] = Answer(200, INSIGHTS)


def said(guide: Guide, now: float) -> list[str]:
    return list(guide.look(now))


def test_what_is_waited_for_is_said_once() -> None:
    api = Api()
    guide = Guide(api.get, ADDRESS)
    assert said(guide, 0) == ["waiting: the API does not answer yet"]
    assert said(guide, 1) == []
    problem: dict[str, Any] = {"detail": "no data of manufacturing yet"}
    api.answers["/readyz"] = Answer(503, problem)
    assert said(guide, 2) == ["waiting: no data of manufacturing yet"]


def test_a_start_that_takes_long_leads_to_who_is_not_well() -> None:
    guide = Guide(Api().get, ADDRESS)
    said(guide, 0)
    assert "docker compose ps" in said(guide, LONG_SECONDS + 1)[0]
    assert said(guide, LONG_SECONDS + 2) == []


def test_the_first_insight_comes_with_its_time_and_the_places_to_look_at() -> None:
    api = Api()
    guide = Guide(api.get, ADDRESS)
    said(guide, 100)
    api.ready()
    text = "\n".join(said(guide, 131))
    assert "first insight after 31 s" in text
    assert "business health index: 0.1235" in text
    assert "high risk machines: 7" in text
    assert f"{ADDRESS}/docs" in text
    assert "docker compose down -v" in text


def test_growth_is_told_often_while_data_comes_in_and_seldom_afterwards() -> None:
    api = Api()
    api.ready()
    guide = Guide(api.get, ADDRESS)
    said(guide, 0)
    api.answers["/v1/lake"] = lake(50_000)
    assert said(guide, SPEAK_SECONDS - 1) == []
    assert said(guide, SPEAK_SECONDS) == ["in the lake: 50,000 readings"]
    api.answers["/v1/lake"] = lake(50_100)
    assert said(guide, 2 * SPEAK_SECONDS) == []
    assert said(guide, SPEAK_SECONDS + IDLE_SPEAK_SECONDS) == ["in the lake: 50,100 readings"]


def test_an_api_that_goes_away_is_told() -> None:
    api = Api()
    api.ready()
    guide = Guide(api.get, ADDRESS)
    said(guide, 0)
    assert said(guide, SPEAK_SECONDS) == ["the API does not answer: connection refused"]
