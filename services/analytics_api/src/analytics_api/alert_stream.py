"""Server-Sent Events: alerts as they become known, with resume, heartbeats, an end to patience."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from analytics_api.alert_feed import AlertFeed

HEARTBEAT_SECONDS: Final = 15.0  # proxies drop what is silent for a minute
SEND_SECONDS: Final = 10.0  # who does not take what is sent within that is cut off
MAX_LISTENERS: Final = 500
RETRY_MILLISECONDS: Final = 2000  # what a browser waits before it connects again
MEDIA_TYPE: Final = "text/event-stream"
_HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


class Listeners:
    """How many are listening; a connection each, for hours, so there is an end to it."""

    def __init__(self) -> None:
        self.count = 0

    @property
    def full(self) -> bool:
        """Whether no more are let in."""
        return self.count >= MAX_LISTENERS


class AlertStream(Response):
    """The answer to one listener: lasts until it leaves, falls behind, or the service stops."""

    media_type = MEDIA_TYPE

    def __init__(self, feed: AlertFeed, listeners: Listeners, last_event_id: str | None) -> None:
        super().__init__()
        self._listeners = listeners
        self._feed = feed
        self._number = feed.last if last_event_id is None else feed.place_of(last_event_id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        del scope
        start = {"type": "http.response.start", "status": 200, "headers": list(_HEADERS)}
        self._listeners.count += 1
        try:
            await send(start)
            await self._serve(receive, send)
        finally:
            self._listeners.count -= 1

    async def _serve(self, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send_all(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            sending.cancel()
            results = await asyncio.gather(sending, leaving, return_exceptions=True)
        for result in results:
            # A listener that does not take what is sent is cut off: nothing is wrong here.
            if isinstance(result, Exception) and not isinstance(result, TimeoutError):
                raise result

    async def _send_all(self, send: Send) -> None:
        self._feed.listen()
        await _send(send, b"retry: %d\n\n" % RETRY_MILLISECONDS)
        while not self._feed.closed:
            entries = self._feed.behind(self._number)
            if entries is None:  # more came than are kept: let it connect anew
                await _send(send, b": fell behind\n\n")
                break
            if entries:
                self._number = entries[-1].number
                await _send(send, b"".join(entry.frame for entry in entries))
                continue
            before = self._feed.last
            await self._feed.wait(HEARTBEAT_SECONDS)
            if self._feed.last == before and not self._feed.closed:
                await _send(send, b": alive\n\n")
        await _send(send, b"", more=False)


async def _send(send: Send, body: bytes, *, more: bool = True) -> None:
    """Send, or give up on who does not read: what is not taken must not pile up here."""
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
