"""The service behind the routes: a thread that follows the lake and publishes snapshots."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from analytics_api.alert_feed import AlertFeed
from analytics_api.follower import Follower
from analytics_api.manufacturing import ManufacturingState
from analytics_api.snapshot import Snapshot, SnapshotMaker
from lake_core.rules import RuleSet

log = logging.getLogger(__name__)
PUBLISH_SECONDS: Final = 1.0  # answers say how fresh they are, so they are made again
MAX_PAUSE_SECONDS: Final = 30.0  # between looks at a bucket that is away
MAX_DOUBLINGS: Final = 10
JOIN_SECONDS: Final = 5


class LakeService:
    """Publishes what the follower knows. `snapshot` is replaced as a whole, never changed."""

    def __init__(
        self,
        follower: Follower,
        rules: RuleSet,
        poll_seconds: float,
        live_seconds: float = PUBLISH_SECONDS,
    ) -> None:
        self.snapshot = Snapshot()
        self.rules = rules
        self.follower = follower
        self.failure: BaseException | None = None
        self.feed = AlertFeed()
        self._maker = SnapshotMaker(follower, rules)
        self._poll_seconds = poll_seconds
        self._live_seconds = live_seconds
        self._published = 0.0
        self._live_due = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Stop following; returns when the thread has ended or a poll takes too long."""
        self._stop.set()
        self._thread.join(timeout=JOIN_SECONDS)
        if not self._thread.is_alive():  # else it waits for the bucket; it ends with the process
            self.follower.close()

    def refresh(self) -> None:
        """Look once, at the lake and at what is ahead of it, and publish."""
        changed = self.follower.poll()
        changed |= self.follower.poll_live()
        self._publish(changed=changed)

    def look_ahead(self) -> float:
        """Look at what is ahead of the lake if it is time; return after how long it will be."""
        began = time.monotonic()
        if began >= self._live_due:
            self.refresh_live()
            # Slow looks must leave time for the lake: it is waited for between two of them.
            pause = time.monotonic() + self._live_seconds / 2
            self._live_due = max(began + self._live_seconds, pause)
        return max(0.0, self._live_due - time.monotonic())

    def refresh_live(self) -> None:
        """Look at what is ahead of the lake, and publish what is new, or how old the old is."""
        changed = self.follower.poll_live()
        if changed or time.monotonic() - self._published >= PUBLISH_SECONDS:
            self._publish(changed=changed)

    @property
    def alive(self) -> bool:
        """Whether the follower is at work; if not, `failure` says why."""
        return self.failure is None

    def _run(self) -> None:
        due, failures = 0.0, 0
        self.follower.do_meanwhile(self.look_ahead)
        try:
            while not self._stop.is_set():
                began = time.monotonic()
                if began >= due:
                    self._publish(changed=self.follower.poll())
                    failures = failures + 1 if self.follower.problem else 0
                    due = began + pause_seconds(self._poll_seconds, failures)
                    if self.follower.behind and not failures:
                        due = began  # more can be read at once
                ahead = self.look_ahead()
                self._stop.wait(max(0.0, min(due - time.monotonic(), ahead)))
        except BaseException as error:
            log.critical("the follower has stopped", exc_info=error)
            self.failure = error

    def _publish(self, *, changed: bool) -> None:
        self.snapshot = self._maker.make(time.time(), changed=changed)
        self._published = time.monotonic()
        for domain in self.follower.domains.values():
            if isinstance(domain.state, ManufacturingState):
                self.feed.add(domain.state.alerts.news())


def pause_seconds(poll_seconds: float, failures: int) -> float:
    """Return the time between two looks: the longer, the more of them have failed in a row."""
    doublings = min(failures, MAX_DOUBLINGS)
    return max(poll_seconds, min(poll_seconds * (1 << doublings), MAX_PAUSE_SECONDS))
