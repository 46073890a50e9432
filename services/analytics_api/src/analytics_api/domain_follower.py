"""Follows one domain: finds new ranges, reads them, counts each in the order of its chain (I9).

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
from typing import Final

from analytics_api.domain_lake import DomainLake
from analytics_api.lake_reader import LakeReader
from analytics_api.patient_lake import PatientLake
from analytics_api.range_reader import Read, read_range
from analytics_api.shard_proof import ShardProof
from lake_core.errors import TransientError, UnreadableObject
from lake_core.layout import ENDED, Chain, RangeName, ended_key, hour_prefix, processed_prefix

log = logging.getLogger(__name__)
READ_AHEAD: Final = 64  # objects of a chain that may be held in memory before they are counted
COUNTED_ROWS: Final = 20_000  # counted at once; more brings no more speed, only memory
COMPLETE_SECONDS: Final = 300.0  # between complete listings
SKEW: Final = dt.timedelta(hours=1)  # arrival timestamps may step back over an hour's end
# Before what a state has read, no chain can begin or go on: Kinesis keeps records for a day, for
# seven with its extended retention.
LATEST_ARRIVALS: Final = dt.timedelta(days=8)


class DomainFollower:
    """Keeps one domain up to date. One thread calls `poll`; nobody else changes anything."""

    def __init__(
        self,
        lake: PatientLake,
        domain: DomainLake,
        clock: Callable[[], float],
        *,
        stalled_seconds: float,
        slice_seconds: float,
    ) -> None:
        self.domain = domain
        self.behind = False  # whether the last look left objects that can be read
        self._lake = lake
        self._clock = clock  # seconds since 1970
        self._stalled_seconds = stalled_seconds
        self._slice_seconds = slice_seconds
        self._read: dict[RangeName, Read] = {}
        self._waiting_since: dict[Chain, float] = {}
        # What a state has read needs no complete listing to begin with.
        self._complete = 0.0 if domain.published is None else clock()
        self._begun = domain.published is None

    def poll(self) -> bool:
        """Look once; return whether anything changed.

        Raises:
            TransientError: the lake cannot be read now; what was read until then is counted.
        """
        self.behind = False
        if not self._begun:
            self.note_ended()  # else a look would begin at the end of a shard long gone
            self._begun = True
        self._list()
        return self._advance()

    def note_ended(self) -> bool:
        """Learn which shards have ended: their chains go on no more, their hours are closed."""
        markers = {stored.key for stored in self._lake.list(f"{ENDED}{self.domain.domain}/")}
        changed = False
        for proof in self.domain.shards.values():
            was, proof.ended = proof.ended, ended_key(proof.chain) in markers
            changed |= proof.ended is not was
        return changed

    def _list(self) -> None:
        domain, now = self.domain, self._clock()
        complete = now - self._complete >= COMPLETE_SECONDS
        after = self._oldest_possible() if complete else self._oldest_open()
        for stored in self._lake.list(processed_prefix(domain.domain), after):
            name = RangeName.parse(stored.key)
            if name is not None:
                domain.shard(name.chain).reader.offer(name, stored.written_milliseconds)
        if complete or not after:
            self._complete = now
            for proof in domain.shards.values():
                proof.unreadable.clear()  # it may have been put right: try again

    def _oldest_open(self) -> str:
        """Return where a look begins: the hour of the oldest chain that may go on."""
        shards = self.domain.shards.items()
        newest = max((chain.incarnation for chain, _ in shards), default="")
        # A stream that was made anew has left chains without an end; complete listings see to them.
        ends = [
            proof.last_arrival
            for chain, proof in shards
            if chain.incarnation == newest and not proof.ended and proof.last_arrival is not None
        ]
        return self._hour(min(ends), SKEW) if ends else ""

    def _oldest_possible(self) -> str:
        """Return where a complete listing begins: at the first key, but not behind a state."""
        published = self.domain.published
        if published is None or not published.chains:
            return ""
        return self._hour(max(one.last_arrival for one in published.chains), LATEST_ARRIVALS)

    def _hour(self, milliseconds: int, before: dt.timedelta) -> str:
        at = dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC) - before
        return hour_prefix(self.domain.domain, at)

    def _advance(self) -> bool:
        changed, deadline = self._count(), time.monotonic() + self._slice_seconds
        while wanted := self._wanted():
            failure = self._fetch(wanted)
            changed |= self._count()
            if failure:
                raise failure
            if time.monotonic() >= deadline:
                self.behind = bool(self._wanted())
                break
        for proof in self.domain.shards.values():
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

    def _wanted(self) -> list[RangeName]:
        """Return the next ranges to read: those found, in order, of chains that can be read."""
        wanted: list[RangeName] = []
        for proof in self.domain.shards.values():
            if not proof.unreadable:
                room = READ_AHEAD - len(wanted)
                wanted += proof.reader.unread(READ_AHEAD)[:room]
        return wanted

    def _fetch(self, wanted: list[RangeName]) -> TransientError | None:
        """Read ranges; return why some could not be read now, after taking those that could."""
        failures: list[TransientError] = []

        def read(lake: LakeReader, name: RangeName) -> Read | UnreadableObject | None:
            if failures:
                return None  # the bucket is away: each further try would wait for its time-outs
            try:
                return read_range(lake, name)
            except UnreadableObject as error:
                return error
            except TransientError as error:
                failures.append(error)
                return None

        for name, one in zip(wanted, self._lake.each(read, wanted), strict=True):
            self._keep(self.domain.shard(name.chain), name, one)
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

    def _count(self) -> bool:
        """Count the ranges that continue their chains."""
        taken: list[Read] = []
        now, changed = int(self._clock() * 1000), False
        for proof in self.domain.shards.values():
            while (step := proof.reader.next(now)) is not None:
                taken.append(self._read.pop(step[0]))
                changed = True
                if sum(read.footer.rows for read in taken) >= COUNTED_ROWS:
                    self.domain.take(taken)
                    taken = []
        if taken:
            self.domain.take(taken)
        self._drop_passed()
        return changed

    def _drop_passed(self) -> None:
        """Let go of ranges that were read, and then found to lie on ground already passed."""
        if len(self._read) > sum(proof.reader.held for proof in self.domain.shards.values()):
            self._read = {
                name: read
                for name, read in self._read.items()
                if self.domain.shard(name.chain).reader.holds(name)
            }
