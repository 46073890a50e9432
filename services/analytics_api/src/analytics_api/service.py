"""The service behind the routes: a thread that follows the lake and publishes snapshots."""

from __future__ import annotations

import logging
import threading
import time

from analytics_api.follower import Follower
from analytics_api.snapshot import Snapshot, SnapshotMaker
from lake_core.rules import RuleSet

log = logging.getLogger(__name__)


class LakeService:
    """Publishes what the follower knows. `snapshot` is replaced as a whole, never changed."""

    def __init__(self, follower: Follower, rules: RuleSet, poll_seconds: float) -> None:
        self.snapshot = Snapshot()
        self.rules = rules
        self.follower = follower
        self.failure: BaseException | None = None
        self._maker = SnapshotMaker(follower, rules)
        self._poll_seconds = poll_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Stop following; returns when the thread has ended or a poll takes too long."""
        self._stop.set()
        self._thread.join(timeout=5)
        self.follower.close()

    def refresh(self) -> None:
        """Look once and publish."""
        changed = self.follower.poll()
        self.snapshot = self._maker.make(time.time(), changed=changed)

    @property
    def alive(self) -> bool:
        """Whether the follower is at work; if not, `failure` says why."""
        return self.failure is None

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                began = time.monotonic()
                self.refresh()
                self._stop.wait(max(0.0, self._poll_seconds - (time.monotonic() - began)))
        except BaseException as error:
            log.critical("the follower has stopped", exc_info=error)
            self.failure = error
