"""Follows the lake: finds new ranges, reads them, counts each in the order of its chain (I9).

A listing is no snapshot, and a backlog writes into old hours. So every look begins at the oldest
hour that is still open, and a complete listing is made now and then. What was found twice is
counted once: `ChainReader` knows what it has taken. A large backlog is counted in slices, so that
answers come, and say how far they reach, while it is read.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from analytics_api.domain_lake import DomainLake
from analytics_api.lake_reader import LakeReader
from analytics_api.range_reader import Read, read_range
from analytics_api.shard_proof import ShardProof
from analytics_api.zones import ZoneMeter
from lake_core.errors import TransientError, UnreadableObject
from lake_core.layout import ENDED, Chain, RangeName, ended_key, hour_prefix, processed_prefix
from lake_core.names import Domain
from lake_core.rules import RuleSet

log = logging.getLogger(__name__)
READERS: Final = 8  # objects read at once
READ_AHEAD: Final = 64  # objects of a chain that may be held in memory before they are counted
COUNTED_ROWS: Final = 20_000  # counted at once; more brings no more speed, only memory
SLICE_SECONDS: Final = 1.0  # of reading before answers are made again
COMPLETE_SECONDS: Final = 300.0  # between complete listings
STALLED_SECONDS: Final = 60.0  # listings agree with puts within seconds
SKEW: Final = dt.timedelta(hours=1)  # arrival timestamps may step back over an hour's end


class Follower:
    """Keeps both domains up to date. One thread calls `poll`; nobody else changes anything."""

    def __init__(
        self,
        lake: LakeReader,
        rules: RuleSet,
        clock: Callable[[], float],
        *,
        stalled_seconds: float = STALLED_SECONDS,
        slice_seconds: float = SLICE_SECONDS,
    ) -> None:
        self.domains = {domain: DomainLake.empty(domain, rules) for domain in Domain}
        self.zones = ZoneMeter(lake, clock)
        self.problem: str | None = None  # why the last look did not work
        self.behind = False  # whether the last look left objects that can be read
        self.caught_up = False  # whether a look has ever come to the end
        self.polls = 0
        self.failed_polls = 0
        self._lake = lake
        self._clock = clock  # seconds since 1970
        self._read: dict[RangeName, Read] = {}
        self._complete: dict[Domain, float] = {}
        self._stalled_seconds = stalled_seconds
        self._slice_seconds = slice_seconds
        self._waiting_since: dict[Chain, float] = {}
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="reader")

    def poll(self) -> bool:
        """Look once; return whether anything changed. A bucket that is away is told of later."""
        self.polls += 1
        self.behind = changed = False
        problems: list[str] = []
        for look in (*(self._looks_at(domain) for domain in self.domains.values()), self._measure):
            try:
                changed |= look()
            except TransientError as error:  # the other domain may well be readable
                problems.append(str(error))
        problem = problems[0] if problems else None
        if problem and self.problem is None:
            log.warning("the lake cannot be read: %s", problem)
        self.failed_polls += bool(problem)
        self.caught_up |= not problem and not self.behind
        was, self.problem = self.problem, problem
        # Of a chain whose reading failed a part may have been counted.
        return changed or problem is not None or was is not None

    def catch_up(self) -> None:
        """Look until everything there is has been counted, or the lake cannot be read."""
        self.poll()
        while self.behind and self.problem is None:
            self.poll()

    def close(self) -> None:
        """Stop the readers."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _looks_at(self, domain: DomainLake) -> Callable[[], bool]:
        def look() -> bool:
            self._list(domain)
            return self._advance(domain)

        return look

    def _list(self, domain: DomainLake) -> None:
        now = self._clock()
        complete = now - self._complete.get(domain.domain, 0.0) >= COMPLETE_SECONDS
        after = "" if complete else self._oldest_open(domain)
        for stored in self._lake.list(processed_prefix(domain.domain), after):
            name = RangeName.parse(stored.key)
            if name is not None:
                domain.shard(name.chain).reader.offer(name, stored.written_milliseconds)
        if not after:
            self._complete[domain.domain] = now
            for proof in domain.shards.values():
                proof.unreadable.clear()  # it may have been put right: try again

    def _oldest_open(self, domain: DomainLake) -> str:
        """Return where a look begins: the hour of the oldest chain that may go on."""
        newest = max((chain.incarnation for chain in domain.shards), default="")
        # A stream that was made anew has left chains without an end; complete listings see to them.
        ends = [
            proof.last_arrival
            for chain, proof in domain.shards.items()
            if chain.incarnation == newest and not proof.ended and proof.last_arrival is not None
        ]
        if not ends:
            return ""
        oldest = dt.datetime.fromtimestamp(min(ends) / 1000, dt.UTC) - SKEW
        return hour_prefix(domain.domain, oldest)

    def _advance(self, domain: DomainLake) -> bool:
        changed, deadline = self._count(domain), time.monotonic() + self._slice_seconds
        while wanted := self._wanted(domain):
            failure = self._fetch(domain, wanted)
            changed |= self._count(domain)
            if failure:
                raise failure
            if time.monotonic() >= deadline:
                self.behind |= bool(self._wanted(domain))
                break
        for proof in domain.shards.values():
            changed |= self._notice_stall(proof)
        return changed

    def _notice_stall(self, proof: ShardProof) -> bool:
        """Note a range that has waited for its predecessor for too long: that one is missing."""
        before, now = proof.stalled, self._clock()
        if proof.reader.waiting and not self._may_be_read(proof):
            since = self._waiting_since.setdefault(proof.chain, now)
            proof.stalled = now - since >= self._stalled_seconds
        else:
            self._waiting_since.pop(proof.chain, None)
            proof.stalled = False
        return proof.stalled is not before

    @staticmethod
    def _may_be_read(proof: ShardProof) -> bool:
        return not proof.unreadable and bool(proof.reader.unread(READ_AHEAD))

    def _wanted(self, domain: DomainLake) -> list[RangeName]:
        """Return the next ranges to read: those found, in order, of chains that can be read."""
        wanted: list[RangeName] = []
        for proof in domain.shards.values():
            if not proof.unreadable:
                room = READ_AHEAD - len(wanted)
                wanted += proof.reader.unread(READ_AHEAD)[:room]
        return wanted

    def _fetch(self, domain: DomainLake, wanted: list[RangeName]) -> TransientError | None:
        """Read ranges; return why some could not be read now, after taking those that could."""
        failures: list[TransientError] = []

        def read(name: RangeName) -> Read | UnreadableObject | None:
            if failures:
                return None  # the bucket is away: each further try would wait for its time-outs
            try:
                return read_range(self._lake, name)
            except UnreadableObject as error:
                return error
            except TransientError as error:
                failures.append(error)
                return None

        for name, one in zip(wanted, self._pool.map(read, wanted), strict=True):
            self._keep(domain.shard(name.chain), name, one)
        return failures[0] if failures else None

    def _keep(
        self, proof: ShardProof, name: RangeName, one: Read | UnreadableObject | None
    ) -> None:
        if isinstance(one, Read):
            self._read[name] = one
            proof.reader.read(name, one.footer)
            if one.quarantine_problem:
                proof.quarantine[one.footer.quarantine or name.key] = one.quarantine_problem
        elif one is not None:
            log.error("unreadable: %s", one, extra={"key": name.key})
            proof.unreadable[name.key] = str(one)

    def _count(self, domain: DomainLake) -> bool:
        """Count the ranges that continue their chains."""
        taken: list[Read] = []
        now, changed = int(self._clock() * 1000), False
        for proof in domain.shards.values():
            while (step := proof.reader.next(now)) is not None:
                taken.append(self._read.pop(step[0]))
                changed = True
                if sum(read.footer.rows for read in taken) >= COUNTED_ROWS:
                    domain.take(taken)
                    taken = []
        if taken:
            domain.take(taken)
        self._drop_passed()
        return changed

    def _drop_passed(self) -> None:
        """Let go of ranges that were read, and then found to lie on ground already passed."""
        shards = [proof for domain in self.domains.values() for proof in domain.shards.values()]
        if len(self._read) > sum(proof.reader.held for proof in shards):
            self._read = {
                name: read
                for name, read in self._read.items()
                if self.domains[name.chain.domain].shard(name.chain).reader.holds(name)
            }

    def _note_ended(self, domain: DomainLake) -> bool:
        """Learn which shards have ended: their chains go on no more, their hours are closed."""
        markers = {stored.key for stored in self._lake.list(f"{ENDED}{domain.domain}/")}
        changed = False
        for proof in domain.shards.values():
            was, proof.ended = proof.ended, ended_key(proof.chain) in markers
            changed |= proof.ended is not was
        return changed

    def _measure(self) -> bool:
        if not self.zones.due:
            return False
        ended = [self._note_ended(domain) for domain in self.domains.values()]
        return self.zones.measure() or any(ended)
