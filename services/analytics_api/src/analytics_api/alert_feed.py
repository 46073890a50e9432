"""The alerts in the order they became known here, for those who listen: the last thousand."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from analytics_api.prepared import encode

KEPT: Final = 1_000  # who falls further behind is cut off
REMEMBERED: Final = 20_000  # a newer state has counted the same alerts: they are told once
# Two tasks come to know of alerts in different orders, by no more than this.
OVERLAP_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """An alert with its place in the feed of this process."""

    number: int
    identity: str  # the same in every process
    taken: float  # monotonic seconds
    frame: bytes  # as Server-Sent Events send it


class AlertFeed:
    """One thread adds; listeners of one event loop wait."""

    def __init__(self) -> None:
        self.closed = False
        self._process = secrets.token_hex(4)  # whose numbers an event's id has
        self._entries: deque[FeedEntry] = deque(maxlen=KEPT)
        self._told: OrderedDict[str, None] = OrderedDict()
        self._last = 0
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._grown = asyncio.Event()

    @property
    def last(self) -> int:
        """The number of the newest entry."""
        return self._last

    def add(self, alerts: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Take alerts by identity; those that were told before are left out."""
        with self._lock:
            before = self._last
            for identity, item in alerts:
                if identity not in self._told:
                    self._tell(identity, item)
        if self._last != before:
            self._wake_listeners()

    def close(self) -> None:
        """Let every listener go: the process ends."""
        self.closed = True
        self._wake_listeners()

    def listen(self) -> None:
        """Have the listeners of the running loop woken up; before the first look."""
        self._loop = asyncio.get_running_loop()

    async def wait(self, seconds: float) -> None:
        """Wait for more entries, or so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._grown.wait()
        except TimeoutError:
            return

    def behind(self, number: int) -> Sequence[FeedEntry] | None:
        """Return the entries behind a number; None where some of them are gone already."""
        with self._lock:
            entries = list(self._entries)
        if entries and entries[0].number > number + 1:
            return None
        return [entry for entry in entries if entry.number > number]

    def place_of(self, event_id: str) -> int:
        """Return behind which number a listener goes on that has seen that event last.

        Exactly there, if this process has sent it. Of another process's order nothing is known:
        what came within a minute before goes out again, and all there is where the event is not
        known here. Rather twice than not; the data say which alert it is.
        """
        process, _, rest = event_id.partition("-")
        number, _, identity = rest.partition("-")
        with self._lock:
            entries = list(self._entries)
        if process == self._process and number.isascii() and number.isdecimal():
            first = entries[0].number - 1 if entries else self._last
            return min(max(int(number), first), self._last)
        known = next((entry for entry in entries if entry.identity == identity), None)
        since = known.taken - OVERLAP_SECONDS if known else float("-inf")
        older = [entry.number for entry in entries if entry.taken < since]
        return older[-1] if older else (entries[0].number - 1 if entries else self._last)

    def _tell(self, identity: str, item: dict[str, Any]) -> None:
        number = self._last + 1
        event_id = f"{self._process}-{number}-{_one_line(identity)}".encode()
        frame = b"id: %s\nevent: alert\ndata: %s\n\n" % (event_id, encode(item))
        self._entries.append(FeedEntry(number, _one_line(identity), time.monotonic(), frame))
        self._last = number
        self._told[identity] = None
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)

    def _wake_listeners(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._grown.set()
        self._grown = asyncio.Event()


def _one_line(identity: str) -> str:
    """Return an identity as an id can carry it: a producer may name its source as it likes."""
    return identity.encode("unicode_escape").decode("ascii")
