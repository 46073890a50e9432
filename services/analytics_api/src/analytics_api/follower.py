"""Follows the lake: finds new ranges, reads them, counts each in the order of its chain (I9).

A listing is no snapshot, and a backlog writes into old hours. So every look begins at the oldest
hour that is still open, and a complete listing is made now and then. What was found twice is
counted once: `ChainReader` knows what it has taken.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from analytics_api.domain_lake import DomainLake, ZoneSize
from analytics_api.ecommerce import EcommerceState
from analytics_api.lake_reader import LakeReader, StoredObject
from analytics_api.manufacturing import ManufacturingState
from analytics_api.quarantine import quarantine_problem
from analytics_api.shard_proof import ShardProof
from lake_core.errors import TransientError, UnreadableObject
from lake_core.footer import Footer
from lake_core.layout import ENDED, Chain, RangeName, ended_key, hour_prefix, processed_prefix
from lake_core.names import Domain
from lake_core.parquet import read_object
from lake_core.rules import RuleSet

log = logging.getLogger(__name__)
READERS: Final = 8  # objects read at once
# How many objects may be held in memory before they are counted.
READ_AHEAD: Final = 64
COMPLETE_SECONDS: Final = 300.0  # between complete listings
SIZES_SECONDS: Final = 15.0  # between looks at the zones that are only measured
STALLED_SECONDS: Final = 60.0  # listings agree with puts within seconds
SKEW: Final = dt.timedelta(hours=1)  # arrival timestamps may step back over an hour's end
MEASURED_ZONES: Final = ("raw", "quarantine", "analytics")


@dataclass(slots=True)
class Read:
    """A range that was read and waits for its turn."""

    name: RangeName
    footer: Footer
    table: pa.Table
    size: int
    quarantine_problem: str | None


class Follower:
    """Keeps both domains up to date. One thread calls `poll`; nobody else changes anything."""

    def __init__(
        self,
        lake: LakeReader,
        rules: RuleSet,
        clock: Callable[[], float],
        *,
        stalled_seconds: float = STALLED_SECONDS,
    ) -> None:
        self.domains = {
            Domain.MANUFACTURING: DomainLake(Domain.MANUFACTURING, ManufacturingState(rules)),
            Domain.ECOMMERCE: DomainLake(Domain.ECOMMERCE, EcommerceState()),
        }
        self.sizes: dict[tuple[str, Domain], ZoneSize] = {}
        self.problem: str | None = None  # why the last look did not work
        self.polls = 0
        self.failed_polls = 0
        self._lake = lake
        self._clock = clock  # seconds since 1970
        self._found: dict[RangeName, StoredObject] = {}
        self._read: dict[RangeName, Read] = {}
        self._complete: dict[Domain, float] = {}
        self._sized = 0.0
        self._stalled_seconds = stalled_seconds
        self._waiting_since: dict[Chain, float] = {}
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="reader")

    def poll(self) -> bool:
        """Look once; return whether anything changed. A bucket that is away is told of later."""
        self.polls += 1
        changed = False
        try:
            for domain in self.domains.values():
                self._list(domain)
                changed |= self._advance(domain)
            changed |= self._measure()
        except TransientError as error:
            self.failed_polls += 1
            if self.problem is None:
                log.warning("the lake cannot be read: %s", error)
            self.problem = str(error)
            return True
        recovered, self.problem = self.problem is not None, None
        return changed or recovered

    def close(self) -> None:
        """Stop the readers."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _list(self, domain: DomainLake) -> None:
        prefix = processed_prefix(domain.domain)
        now = self._clock()
        after = ""
        if now - self._complete.get(domain.domain, 0.0) < COMPLETE_SECONDS:
            after = self._oldest_open(domain)
        if not after:
            self._complete[domain.domain] = now
        for stored in self._lake.list(prefix, after):
            name = RangeName.parse(stored.key)
            if name is not None and name not in self._found:
                self._found[name] = stored
                domain.shard(name.chain).reader.offer([name])

    def _oldest_open(self, domain: DomainLake) -> str:
        """Return where a look begins: the hour of the oldest chain that may go on."""
        ends = [
            proof.last_arrival
            for proof in domain.shards.values()
            if not proof.ended and proof.last_arrival is not None
        ]
        if not ends:
            return ""
        oldest = dt.datetime.fromtimestamp(min(ends) / 1000, dt.UTC) - SKEW
        return hour_prefix(domain.domain, oldest)

    def _advance(self, domain: DomainLake) -> bool:
        changed = False
        while wanted := self._wanted(domain):
            for name, read in zip(wanted, self._pool.map(self._fetch, wanted), strict=True):
                self._keep(domain.shard(name.chain), name, read)
            for proof in domain.shards.values():
                changed |= self._count(domain, proof)
        for proof in domain.shards.values():
            changed |= self._count(domain, proof)
            changed |= self._notice_stall(proof)
        return changed

    def _notice_stall(self, proof: ShardProof) -> bool:
        """Note a range that has waited for its predecessor for too long: that one is missing."""
        before, now = proof.stalled, self._clock()
        if proof.reader.waiting:
            since = self._waiting_since.setdefault(proof.chain, now)
            proof.stalled = now - since >= self._stalled_seconds
        else:
            self._waiting_since.pop(proof.chain, None)
            proof.stalled = False
        return proof.stalled is not before

    def _wanted(self, domain: DomainLake) -> list[RangeName]:
        """Return the next ranges to read: those found, in order, of chains that can be read."""
        wanted: list[RangeName] = []
        for proof in domain.shards.values():
            if not proof.unreadable:
                room = READ_AHEAD - len(wanted)
                wanted += proof.reader.unread(READ_AHEAD)[:room]
        return wanted

    def _fetch(self, name: RangeName) -> Read | UnreadableObject:
        try:
            body = self._lake.read(name.key)
            table, footer = read_object(body, name.key)
            _check_name(name, footer)
        except UnreadableObject as error:
            return error
        return Read(name, footer, table, len(body), quarantine_problem(self._lake, footer))

    def _keep(self, proof: ShardProof, name: RangeName, read: Read | UnreadableObject) -> None:
        if isinstance(read, Read):
            self._read[name] = read
            proof.reader.read(name, read.footer)
            if read.quarantine_problem and read.footer.quarantine:
                proof.quarantine[read.footer.quarantine] = read.quarantine_problem
        else:
            log.error("unreadable: %s", read, extra={"key": name.key})
            proof.unreadable[name.key] = str(read)

    def _count(self, domain: DomainLake, proof: ShardProof) -> bool:
        changed = False
        while (step := proof.reader.next(int(self._clock() * 1000))) is not None:
            read = self._read.pop(step[0])
            domain.take(read.name, read.footer, read.table, read.size)
            changed = True
        return changed

    def _note_ended(self, domain: DomainLake) -> None:
        """Learn which shards have ended: their chains go on no more, their hours are closed."""
        markers = {stored.key for stored in self._lake.list(f"{ENDED}{domain.domain}/")}
        for proof in domain.shards.values():
            proof.ended = ended_key(proof.chain) in markers

    def _measure(self) -> bool:
        if self._clock() - self._sized < SIZES_SECONDS:
            return False
        self._sized = self._clock()
        for each in self.domains.values():
            self._note_ended(each)
        fresh: dict[tuple[str, Domain], ZoneSize] = {}
        for zone in MEASURED_ZONES:
            for domain in self.domains:
                fresh[zone, domain] = _measured(self._lake.list(f"{zone}/{domain}/"))
        changed, self.sizes = fresh != self.sizes, fresh
        return changed


def _check_name(name: RangeName, footer: Footer) -> None:
    said = Chain(footer.domain, footer.incarnation, footer.shard)
    if said != name.chain or int(footer.first) != name.first:
        raise UnreadableObject(f"{name.key} holds another range: {said} from {footer.first}")


def _measured(objects: Iterable[StoredObject]) -> ZoneSize:
    size = ZoneSize()
    for stored in objects:
        size.add(stored.size)
    return size
