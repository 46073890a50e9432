"""Tells a newcomer, in sentences, what goes on in a lake that runs in containers and where to look.

The parts log JSON for machines; this asks the API and says what has changed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from lake_core.names import Domain
from lake_local.http_client import Answer, HttpClient
from lake_local.lake_answers import lake_figures

LOOK_SECONDS: Final = 1.0
SPEAK_SECONDS: Final = 10.0  # while the data set comes in
IDLE_SPEAK_SECONDS: Final = 60.0  # when there is only the trickle
LONG_SECONDS: Final = 120.0  # what a start takes on a small machine, and some
TRICKLE_ROWS_PER_SECOND: Final = 100  # more than any trickle, less than any data set
INTEGRATED: Final = "/v1/insights/integrated"
THINGS: Final = {Domain.MANUFACTURING: "readings", Domain.ECOMMERCE: "purchases"}


class Guide:
    """Knows what it has said, and says what is new."""

    def __init__(self, get: Callable[[str], Answer], address: str) -> None:
        self._get = get
        self._address = address
        self._began: float | None = None
        self._said = ""
        self._insight = self._doubted = False
        self._spoke_at = 0.0
        self._rows = 0

    def look(self, now: float) -> Iterator[str]:
        """Yield what there is to say at `now`, in seconds of a clock that never goes back."""
        if self._began is None:
            self._began = now
        if not self._insight:
            yield from self._until_first_insight(now, now - self._began)
        else:
            yield from self._growth(now)

    def _until_first_insight(self, now: float, waited: float) -> Iterator[str]:
        answer = self._get(INTEGRATED)
        if answer.ok:
            self._insight, self._spoke_at = True, now
            yield f"first insight after {waited:.0f} s:"
            yield from (f"  {name}: {value}" for name, value in _headlines(answer.body))
            yield from self._where_to_look()
            return
        missing = _missing(self._get("/readyz"))
        if missing != self._said:
            self._said = missing
            yield f"waiting: {missing}"
        if waited > LONG_SECONDS and not self._doubted:
            self._doubted = True
            yield "this takes long; who is not well: docker compose ps --all"
            yield "                 and why:         docker compose logs --tail 20"

    def _where_to_look(self) -> Iterator[str]:
        yield f"look:   {self._address}  the page"
        yield f"        {self._address}/docs  every question the API answers"
        yield f"        {self._address}{INTEGRATED}"
        yield "prove:  docker compose exec analytics-api python -m analytics_api verify --raw"
        yield "follow: docker compose logs --follow ingestor manufacturing-processor"
        yield "end:    Ctrl-C, then docker compose down -v"

    def _growth(self, now: float) -> Iterator[str]:
        if now - self._spoke_at < SPEAK_SECONDS:
            return
        answer = self._get("/v1/lake")
        if not answer.ok:
            yield f"the API does not answer: {answer.reason or answer.status}"
            self._spoke_at = now
            return
        figures = lake_figures(answer.body)
        rows = sum(one.rows for one in figures.values())
        growing = rows - self._rows > TRICKLE_ROWS_PER_SECOND * (now - self._spoke_at)
        if not growing and now - self._spoke_at < IDLE_SPEAK_SECONDS:
            return
        self._spoke_at, self._rows = now, rows
        held = ", ".join(f"{one.rows:,} {THINGS[domain]}" for domain, one in figures.items())
        yield f"in the lake: {held}"


def _headlines(insights: dict[str, Any]) -> Iterator[tuple[str, object]]:
    for name, value in insights["cross_domain_insights"].items():
        yield name.replace("_", " "), round(value, 4) if isinstance(value, float) else value
    yield "high risk machines", insights["manufacturing"]["high_risk_machines"]
    yield "high value customers", insights["ecommerce"]["high_value_customers"]


def _missing(answer: Answer) -> str:
    if isinstance(answer.body, dict):
        return str(answer.body.get("detail", answer.status))
    return "the API does not answer yet"


def guide(api: str, shown: str, say: Callable[[str], None], stop: threading.Event) -> None:
    """Guide until `stop` is set; `shown` is the API's address as a person types it."""
    one = Guide(HttpClient(api).get, shown)
    while not stop.wait(LOOK_SECONDS):
        for line in one.look(time.monotonic()):
            say(line)
