"""How a domain gets from one published state to the next without an answer getting older.

The next state is followed beside the current one until it has everything that the current one has;
then it takes its place. Both count the same ranges by the same code, so no answer changes by it.
The same way leads out of a live view that told something else than the lake does: the domain is
counted anew, beside, while answers go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from analytics_api.domain_follower import DomainFollower
from analytics_api.domain_lake import DomainLake
from analytics_api.live_follower import LiveFollower
from analytics_api.shard_proof import ShardProof
from analytics_api.state_watch import StateWatch
from lake_core.chain import number
from lake_core.layout import RangeName

log = logging.getLogger(__name__)


class Handover:
    """Follows one domain from its newest published state on; from its first range without one."""

    def __init__(
        self,
        empty: Callable[[], DomainLake],
        follow: Callable[[DomainLake], DomainFollower],
        watch: StateWatch | None,
    ) -> None:
        self.watch = watch
        self._empty = empty
        self._follow = follow
        self._current = follow(empty())
        self._next: DomainFollower | None = None
        self._begun = watch is None
        self._misled = False  # by the live view, since it was last looked at

    @property
    def domain(self) -> DomainLake:
        """What answers are made from."""
        return self._current.domain

    @property
    def behind(self) -> bool:
        """Whether the last look left objects that can be read."""
        return self._current.behind or (self._next is not None and self._next.behind)

    @property
    def note(self) -> str | None:
        """What a person should know who wonders what answers are made from."""
        if self.watch is None or self.watch.problem is None:
            return None
        went_on = (
            "the state before it is kept"
            if self.domain.published
            else (f"{self.domain.domain} is read from its first range")
        )
        return f"{self.watch.problem}: {went_on}"

    def poll(self) -> bool:
        """Look once; return whether anything changed.

        Raises:
            TransientError: the bucket cannot be read now.
        """
        if not self._begun:
            self._begin()
        changed = self._current.poll()
        self._look_for_newer()
        if self._next is None and self.domain.differs:
            self._begin_again()
        if self._next is not None:
            self._next.poll()
            changed |= self._move(self._next)
        return changed

    @property
    def counted(self) -> list[DomainLake]:
        """The domain as it is counted, once or twice: what answers are made from, what comes."""
        coming = [] if self._next is None else [self._next.domain]
        return [self.domain, *coming]

    def warn(self, live: LiveFollower) -> None:
        """Say that the live view has told of other rows than the lake holds, if it has."""
        if self._misled:
            live.distrust(self.domain.domain)
            self._misled = False

    def note_ended(self) -> bool:
        """See `DomainFollower`."""
        if self._next is not None:
            self._next.note_ended()
        return self._current.note_ended()

    def _begin(self) -> None:
        """Begin with the published state, before anything of the lake is read."""
        loaded = self.watch.newer() if self.watch else None
        if loaded is not None:
            self._current = self._follow(loaded)
        self._begun = True

    def _look_for_newer(self) -> None:
        loaded = self.watch.newer() if self.watch else None
        if loaded is not None:
            self._next = self._follow(loaded)

    def _begin_again(self) -> None:
        log.error(
            "the live view told of other rows than the lake holds: the domain is counted anew",
            extra={"domain": self.domain.domain, "shard": self.domain.differs},
        )
        self._misled = True
        loaded = self.watch.again() if self.watch else None
        self._next = self._follow(loaded or self._empty())

    def _move(self, following: DomainFollower) -> bool:
        held, made = self.domain, following.domain
        if not reaches(made, held):
            return False
        self._next = None
        if lacks := missing_from(made, held):
            log.warning("the newer state is not used: it lacks %s, which is counted here", lacks)
            return False
        made.note_changes(held)
        self._current = following
        log.info("moved", extra={"version": made.version.version if made.version else None})
        return True


def reaches(made: DomainLake, held: DomainLake) -> bool:
    """Whether every chain goes at least as far as it does in what is held."""
    return all(
        number(made.shard(chain).through) >= number(proof.last if held.differs else proof.through)
        for chain, proof in held.shards.items()
    )


def missing_from(made: DomainLake, held: DomainLake) -> str | None:
    """Return something that is counted in what is held and left out of the other; None: nothing."""
    for chain, proof in held.shards.items():
        other = made.shard(chain)
        if (other.rows, other.records) < (proof.rows, proof.records):
            return f"{proof.rows - other.rows} rows of {chain.shard}"
        for key in other.set_aside:
            if key not in proof.set_aside and _is_passed(key, proof):
                return key
    return None


def _is_passed(key: str, proof: ShardProof) -> bool:
    name = RangeName.parse(key)
    return name is not None and name.first <= number(proof.last)
