"""Looks for the state that an analytics task published last, and loads it when it is a new one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from analytics_api.current import decode_current
from analytics_api.domain_lake import DomainLake
from analytics_api.lake_reader import LakeReader
from analytics_api.lake_state import decode_state
from lake_core.errors import UnreadableObject
from lake_core.layout import current_key
from lake_core.names import Domain
from lake_core.rules import RuleSet

log = logging.getLogger(__name__)
LOOK_SECONDS: Final = 5.0  # a conditional GET: 304 while nothing is new
RETRY_SECONDS: Final = 300.0  # after a state that cannot be used: it may have been put right


class StateWatch:
    """Watches the pointer of one domain. `problem` says why the state there is not used."""

    def __init__(
        self, lake: LakeReader, domain: Domain, rules: RuleSet, clock: Callable[[], float]
    ) -> None:
        self.problem: str | None = None
        self._lake = lake
        self._key = current_key(domain)
        self._rules = rules
        self._clock = clock  # seconds since 1970
        self._etag: str | None = None
        self._next_look = 0.0

    def newer(self) -> DomainLake | None:
        """Return the state that has become current since the last look; None: nothing new.

        Raises:
            TransientError: not now; the next look tries again.
        """
        now = self._clock()
        if now < self._next_look:
            return None
        try:
            found = self._lake.read_other(self._key, self._etag)
            loaded = None if found is None else self._load(found.body)
        except UnreadableObject as error:
            self._refuse(str(error))
            self._etag, self._next_look = None, now + RETRY_SECONDS
            return None
        self._next_look = now + LOOK_SECONDS
        if found is not None:
            self._etag, self.problem = found.etag, None
        return loaded

    def again(self) -> DomainLake | None:
        """Return the state that is current, also where it was returned before; None: there is none.

        Raises:
            TransientError: not now.
        """
        self._etag, self._next_look = None, 0.0
        return self.newer()

    def _load(self, pointer: bytes) -> DomainLake:
        current = decode_current(pointer, self._key)
        if current.state is None:
            raise UnreadableObject(f"{self._key} names no state")
        lake = decode_state(self._lake.read(current.state), current.state, self._rules)
        lake.version = current
        log.info("state loaded", extra={"version": current.version, "key": current.state})
        return lake

    def _refuse(self, reason: str) -> None:
        if reason != self.problem:
            log.error("the published state is not used: %s", reason)
        self.problem = reason
