"""Follows the live view: counts what processors have received and the lake does not hold yet."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

import pyarrow as pa

from analytics_api.domain_lake import DomainLake, LiveRows
from analytics_api.live_source import LiveSource
from analytics_api.shard_proof import ShardProof
from lake_core.errors import TransientError, UnreadableObject
from lake_core.layout import Chain
from lake_core.live import LiveChunk, continues, rows_behind, unpack_rows
from lake_core.names import Domain

log = logging.getLogger(__name__)
READERS: Final = 8  # chains that are looked at at once
# After a look that did not work, the longer the more of them: the lake goes on without.
FIRST_REST_SECONDS: Final = 0.5
REST_SECONDS: Final = 10.0
# After the lake has had other rows: a rolling upgrade with another rule set takes minutes.
DISTRUST_SECONDS: Final = 300.0
ANNOUNCED_SECONDS: Final = 2.0  # between looks for shards that the lake does not know yet


class _Found(NamedTuple):
    lake: DomainLake
    chain: Chain
    rows: LiveRows | None = None  # None: nothing goes on behind where the chain stands
    problem: str | None = None  # why that is not known


class LiveFollower:
    """One thread calls `poll`. A live view that cannot be read is told of, and done without."""

    def __init__(self, source: LiveSource, clock: Callable[[], float]) -> None:
        self._problem: str | None = None
        self._distrusted: dict[Domain, float] = {}  # until when
        self._source = source
        # Its own: the threads that read the lake may all be waiting for the bucket.
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="live")
        self._clock = clock
        self._rest_seconds = FIRST_REST_SECONDS
        self._rest_until = 0.0
        self._announced = 0.0  # when they were looked for

    @property
    def problem(self) -> str | None:
        """Why answers are as young as the lake only; None: they are not."""
        now = self._clock()
        domains = [domain for domain, until in self._distrusted.items() if now < until]
        if domains:
            return f"the live view of {' and '.join(domains)} told of other rows than the lake has"
        return self._problem

    def poll(self, lakes: Sequence[DomainLake]) -> bool:
        """Look once, at every chain at the same time; return whether anything was counted."""
        now, problems = self._clock(), list[str]()
        if now < self._rest_until:
            return False
        if now - self._announced >= ANNOUNCED_SECONDS:
            self._announced = now
            problems = self._begin_announced(lakes)
        chains = [
            (lake, proof)
            for lake in lakes
            if now >= self._distrusted.get(lake.domain, 0.0)
            for proof in followed(lake)
            if not proof.tail.full
        ]
        found = list(self._pool.map(lambda one: self._find(*one), chains))
        problems += [one.problem for one in found if one.problem is not None]
        if problems:
            self._rest(problems[0])
        else:
            self._problem, self._rest_seconds = None, FIRST_REST_SECONDS
        taken = [_take(lake, found) for lake in lakes]
        return any(taken)

    def close(self) -> None:
        """Stop the readers."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def distrust(self, domain: Domain) -> None:
        """Leave a domain's view alone for a while: the lake has had other rows than it told of."""
        self._distrusted[domain] = self._clock() + DISTRUST_SECONDS

    def _begin_announced(self, lakes: Sequence[DomainLake]) -> list[str]:
        """Begin the chains that are announced; return why some are not known."""
        domains = {lake.domain for lake in lakes}
        found = dict(zip(domains, self._pool.map(self._ask_announced, domains), strict=True))
        for lake in lakes:
            chains = found[lake.domain]
            if not isinstance(chains, str):
                for chain in chains:
                    lake.shard(chain)
        return [why for why in found.values() if isinstance(why, str)]

    def _ask_announced(self, domain: Domain) -> Sequence[Chain] | str:
        try:
            return self._source.announced(domain)
        except TransientError as error:
            return str(error)

    def _find(self, lake: DomainLake, proof: ShardProof) -> _Found:
        try:
            chunks = self._source.chunks(proof.chain, proof.through)
            return _Found(lake, proof.chain, _rows_of(proof, chunks))
        except (TransientError, UnreadableObject) as error:
            return _Found(lake, proof.chain, problem=str(error))

    def _rest(self, problem: str) -> None:
        if problem != self._problem:
            log.warning("no live view: %s", problem)
        self._problem, self._rest_until = problem, self._clock() + self._rest_seconds
        self._rest_seconds = min(2 * self._rest_seconds, REST_SECONDS)


def _take(lake: DomainLake, found: Sequence[_Found]) -> bool:
    """Count what was found for a domain; whether anything was."""
    taken = {one.chain: one.rows for one in found if one.lake is lake and one.rows is not None}
    if taken:
        lake.take_live(taken)
    return bool(taken)


def followed(lake: DomainLake) -> list[ShardProof]:
    """Return the chains that may have live chunks behind what is counted of them."""
    newest = max((chain.incarnation for chain in lake.shards), default="")
    return [
        proof
        for chain, proof in lake.shards.items()
        if chain.incarnation == newest and not (proof.ended or proof.unreadable)
    ]


def _rows_of(proof: ShardProof, chunks: Sequence[LiveChunk]) -> LiveRows | None:
    tables: list[pa.Table] = []
    position, arrival = proof.through, 0
    for chunk in chunks:
        if continues(chunk, position):
            tables.append(rows_behind(unpack_rows(proof.chain.domain, chunk), position))
            position, arrival = chunk.last, chunk.last_arrival
    if position is None or not tables:
        return None
    return LiveRows(pa.concat_tables(tables), position, arrival)
