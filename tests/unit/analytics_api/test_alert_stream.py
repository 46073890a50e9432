"""Alerts as Server-Sent Events: each once, resumed anywhere, and nobody holds the service up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from analytics_api import alert_stream
from analytics_api.alert_feed import KEPT, AlertFeed
from analytics_api.alert_stream import AlertStream, Listeners
from lake_core.names import Domain
from tests.unit.analytics_api.lake_builder import Api, MemoryLake
from tests.unit.analytics_api.live_stream import Shard, Stream
from tests.unit.analytics_api.test_live_answers import ROWS, lake_of

PATIENCE = 5.0


class Listener:
    """A client of the stream: what it was sent, as it was sent."""

    def __init__(self, *, reads: bool = True) -> None:
        self.status = 0
        self.ended = False
        self.left = asyncio.Event()
        self._text = ""
        self._reads = reads
        self._grown = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        if not self._reads:
            await asyncio.Event().wait()
        self._text += message["body"].decode()
        self.ended = not message.get("more_body")
        self._grown.set()
        self._grown = asyncio.Event()

    @property
    def events(self) -> list[dict[str, str]]:
        """The events that were sent whole, as their fields."""
        blocks = self._text.split("\n\n")[:-1]
        made = [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]
        return [one for one in made if "data" in one]

    @property
    def comments(self) -> list[str]:
        return [line for line in self._text.splitlines() if line.startswith(":")]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await self._grown.wait()


def listening(feed: AlertFeed, listener: Listener, last: str | None = None) -> asyncio.Task[None]:
    stream = AlertStream(feed, Listeners(), last)
    return asyncio.create_task(stream({}, listener.receive, listener.send))


def alerts(*numbers: int) -> list[tuple[str, dict[str, Any]]]:
    return [(f"f.csv/{n}", {"event_row": n}) for n in numbers]


def rows_of(listener: Listener) -> list[int]:
    return [json.loads(one["data"])["event_row"] for one in listener.events]


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(4 * PATIENCE):
            await scenario()

    asyncio.run(bounded())


def test_a_listener_is_told_of_what_comes_and_not_of_what_was() -> None:
    async def scenario() -> None:
        feed, listener = AlertFeed(), Listener()
        feed.add(alerts(1, 2))
        task = listening(feed, listener)
        await listener.until(lambda: "retry" in listener._text)
        feed.add(alerts(3))
        feed.add(alerts(3, 4))  # a newer state has counted the third one too
        await listener.until(lambda: len(listener.events) == 2)
        assert rows_of(listener) == [3, 4]
        assert {one["event"] for one in listener.events} == {"alert"}
        feed.close()
        await task
        assert listener.ended

    run(scenario)


def test_a_listener_that_comes_back_goes_on_where_it_was() -> None:
    async def scenario() -> None:
        feed, first, second = AlertFeed(), Listener(), Listener()
        task = listening(feed, first)
        await first.until(lambda: "retry" in first._text)
        feed.add(alerts(1, 2, 3))
        await first.until(lambda: len(first.events) == 3)
        first.left.set()
        await task
        feed.add(alerts(4))
        task = listening(feed, second, first.events[1]["id"])
        await second.until(lambda: len(second.events) == 2)
        assert rows_of(second) == [3, 4]
        feed.close()
        await task

    run(scenario)


@pytest.mark.parametrize(
    ("known", "again"), [([7, 8, 9], [7, 8, 9, 10]), ([5, 6], [5, 6, 10]), ([], [10])]
)
def test_at_another_task_a_listener_misses_nothing(known: list[int], again: list[int]) -> None:
    async def scenario() -> None:
        feed, first, other, second = AlertFeed(), Listener(), AlertFeed(), Listener()
        task = listening(feed, first)
        await first.until(lambda: "retry" in first._text)
        feed.add(alerts(8))
        await first.until(lambda: bool(first.events))
        feed.close()
        await task
        other.add(alerts(*known))
        task = listening(other, second, first.events[0]["id"])
        await second.until(lambda: "retry" in second._text)
        other.add(alerts(10))
        await second.until(lambda: len(second.events) >= len(again))
        assert rows_of(second) == again
        other.close()
        await task

    run(scenario)


@pytest.mark.parametrize("nonsense", ["", "x", "-", "a-b-c", "0-99999999999999999999-x", "é-1-2"])
def test_an_id_that_is_none_of_ours_brings_all_there_is(nonsense: str) -> None:
    feed = AlertFeed()
    feed.add(alerts(1, 2))
    assert feed.place_of(nonsense) == 0


def test_who_falls_behind_is_let_go_and_comes_back_to_what_is_kept() -> None:
    async def scenario() -> None:
        feed, listener = AlertFeed(), Listener()
        feed.add(alerts(0))
        stream = AlertStream(feed, Listeners(), None)
        feed.add(alerts(*range(1, KEPT + 2)))
        await stream({}, listener.receive, listener.send)
        assert listener.ended
        assert listener.comments == [": fell behind"]

    run(scenario)


def test_who_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_stream, "SEND_SECONDS", 0.05)

    async def scenario() -> None:
        feed, listeners = AlertFeed(), Listeners()
        listener = Listener(reads=False)
        await AlertStream(feed, listeners, None)({}, listener.receive, listener.send)
        assert listeners.count == 0

    run(scenario)


def test_a_silent_stream_shows_that_it_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_stream, "HEARTBEAT_SECONDS", 0.01)

    async def scenario() -> None:
        feed, listener = AlertFeed(), Listener()
        task = listening(feed, listener)
        await listener.until(lambda: len(listener.comments) == 2)
        listener.left.set()
        await task

    run(scenario)


def test_too_many_listeners_are_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_stream, "MAX_LISTENERS", 0)
    status, headers, body = Api(MemoryLake()).get("/v1/alerts/stream")
    assert (status, headers["retry-after"]) == (503, "2")
    assert body["detail"] == "too many listen already"


def test_an_alert_goes_out_when_it_is_live_and_not_again_when_the_lake_has_it() -> None:
    stream, shard = lake_of(400, committed=300)
    api = Api(stream.lake, live=stream.live).poll()
    feed = api.service.feed
    before = feed.last
    show_and_commit(stream, shard, api)
    told = [json.loads(entry.frame.split(b"data: ")[1]) for entry in feed.behind(before) or ()]
    listed = api.ok("/v1/alerts?limit=1000")["items"]
    new = [one for one in listed if one["event_row"] >= 300]
    assert new
    assert sorted(told, key=lambda one: one["event_row"]) == sorted(
        new, key=lambda one: one["event_row"]
    )


def show_and_commit(stream: Stream, shard: Shard, api: Api) -> None:
    assert len(shard.records) == len(ROWS[Domain.MANUFACTURING])
    stream.show(shard, 300, 400)
    api.service.refresh_live()
    stream.commit(shard, 100)
    api.poll()
