"""Follows the lake: both domains, each from its newest published state on, and the zones' sizes.

While it waits for the bucket it goes on looking at the live view: a look at the lake takes a good
part of a second, and what is live would be older by that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from analytics_api.domain_follower import DomainFollower
from analytics_api.domain_lake import DomainLake
from analytics_api.handover import Handover
from analytics_api.lake_reader import LakeReader
from analytics_api.live_follower import LiveFollower
from analytics_api.live_source import LiveSource
from analytics_api.patient_lake import Meanwhile, PatientLake
from analytics_api.state_watch import StateWatch
from analytics_api.zones import ZoneMeter
from lake_core.errors import TransientError
from lake_core.names import Domain
from lake_core.rules import RuleSet

log = logging.getLogger(__name__)
READERS: Final = 8  # objects read at once
SLICE_SECONDS: Final = 1.0  # of reading before answers are made again
STALLED_SECONDS: Final = 60.0  # listings agree with puts within seconds


class Follower:
    """Keeps both domains up to date. One thread calls `poll`; nobody else changes anything.

    Without `from_states` every domain is read from its first range: what a complete proof needs.
    """

    def __init__(
        self,
        lake: LakeReader,
        rules: RuleSet,
        clock: Callable[[], float],
        *,
        stalled_seconds: float = STALLED_SECONDS,
        slice_seconds: float = SLICE_SECONDS,
        from_states: bool = True,
        live: LiveSource | None = None,
    ) -> None:
        self.problem: str | None = None  # why the last look did not work
        self.behind = False  # whether the last look left objects that can be read
        self.caught_up = False  # whether a look has ever come to the end
        self.polls = 0
        self.failed_polls = 0
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._live = None if live is None else LiveFollower(live, clock)
        self._lake = patient = PatientLake(lake, self._pool)
        self.zones = ZoneMeter(patient, clock)

        def follow(domain: DomainLake) -> DomainFollower:
            return DomainFollower(
                patient, domain, clock, stalled_seconds=stalled_seconds,
                slice_seconds=slice_seconds,
            )  # fmt: skip

        self._handovers = {
            domain: Handover(
                partial(DomainLake.empty, domain, rules),
                follow,
                StateWatch(patient, domain, rules, clock) if from_states else None,
            )
            for domain in Domain
        }

    @property
    def domains(self) -> dict[Domain, DomainLake]:
        """What answers are made from."""
        return {domain: handover.domain for domain, handover in self._handovers.items()}

    @property
    def notes(self) -> list[str]:
        """What a person should know who wonders what answers are made from."""
        notes = [note for one in self._handovers.values() if (note := one.note) is not None]
        if self._live is not None and self._live.problem is not None:
            notes.append(f"{self._live.problem}: answers are as young as the lake")
        return notes

    def poll(self) -> bool:
        """Look once; return whether anything changed. A bucket that is away is told of later."""
        self.polls += 1
        changed = False
        problems: list[str] = []
        for look in (*(one.poll for one in self._handovers.values()), self._measure):
            try:
                changed |= look()
            except TransientError as error:  # the other domain may well be readable
                problems.append(str(error))
        problem = problems[0] if problems else None
        if problem and self.problem is None:
            log.warning("the lake cannot be read: %s", problem)
        self.failed_polls += bool(problem)
        self.behind = any(one.behind for one in self._handovers.values())
        self.caught_up |= not problem and not self.behind
        was, self.problem = self.problem, problem
        # Of a chain whose reading failed a part may have been counted.
        return changed or problem is not None or was is not None

    def poll_live(self) -> bool:
        """Look once for what is ahead of the lake; return whether anything changed."""
        if self._live is None or not self.caught_up:
            return False
        for one in self._handovers.values():
            one.warn(self._live)
        return self._live.poll([lake for one in self._handovers.values() for lake in one.counted])

    def do_meanwhile(self, look: Meanwhile) -> None:
        """Have something done by the thread that calls `poll` while it waits for the bucket."""
        self._lake.meanwhile = look

    def catch_up(self) -> None:
        """Look until everything there is has been counted, or the lake cannot be read."""
        self.poll()
        while self.behind and self.problem is None:
            self.poll()

    def close(self) -> None:
        """Stop the readers."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._live is not None:
            self._live.close()

    def _measure(self) -> bool:
        if not self.zones.due:
            return False
        ended = [one.note_ended() for one in self._handovers.values()]
        return self.zones.measure() or any(ended)
