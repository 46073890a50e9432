"""`python -m analytics_api verify`: the delivery proof of a whole lake, from its first object on.

The same code as behind `GET /v1/lake/integrity`, with a complete walk: every object is read, its
digest compared, every link followed, every quarantine object opened, and the end of each chain
compared with KCL's checkpoint. With a replayed CSV it also says where each of its rows is.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import msgspec

from analytics_api.domain_lake import DomainLake
from analytics_api.follower import Follower
from analytics_api.identities import SeenIdentities
from analytics_api.lake_reader import LakeReader
from analytics_api.quarantine import quarantined_rows
from analytics_api.shard_proof import ShardProof
from lake_core.errors import InputError, TransientError
from lake_core.layout import (
    Chain,
    EventSource,
    current_key,
    cursor_key,
    ingest_quarantine_key,
    raw_key,
)
from lake_core.names import STREAMS, Domain
from lake_core.schema import csv_header

DIGEST_DIGITS: Final = 8
SHOWN: Final = 10


@dataclass(slots=True)
class RowProof:
    """Where the rows of one lap of a CSV are."""

    event_source: str
    domain: Domain
    rows: int
    in_lake: int = 0
    in_quarantine: int = 0
    refused: int = 0  # by the ingestor
    not_sent: int = 0  # the replay has not come that far, by its cursor
    missing: list[int] = field(default_factory=list)

    def answer(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "event_source": self.event_source,
            "rows": self.rows,
            "in_lake": self.in_lake,
            "in_quarantine": self.in_quarantine,
            "refused_by_ingestor": self.refused,
            "not_sent_yet": self.not_sent,
            "missing": len(self.missing),
            "first_missing_rows": self.missing[:SHOWN],
        }


@dataclass(frozen=True, slots=True)
class Walk:
    """The shards of a lake as they were walked, and the identities met on the way."""

    shards: list[ShardProof]
    seen: dict[Domain, SeenIdentities]
    problems: list[str]  # beyond single shards

    @property
    def verified(self) -> bool:
        """Whether everything is in its place; of an empty lake nothing is proven."""
        told = [why for shard in self.shards for why in shard.problems] + self.problems
        return bool(self.shards) and not told

    def answer(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "verified": self.verified,
            "problems": self.problems,
            "shards": [shard.answer() for shard in self.shards],
        }


def walk(
    follower: Follower, positions: Mapping[Chain, str], published: Follower | None = None
) -> Walk:
    """Read the whole lake and return its proof.

    `follower` begins at the first range of every chain. Where that is gone, expired after the ETL
    run had taken it, the chain is walked from its published position: so does `published`.

    Raises:
        TransientError: the lake cannot be read now.
    """
    _read_all(follower)
    complete = follower.domains
    expired = {
        domain for domain, lake in complete.items() if any(map(_no_beginning, lake.shards.values()))
    }
    states: dict[Domain, DomainLake] = {}
    if published is not None:
        _read_all(published)
        states = {
            domain: lake
            for domain, lake in published.domains.items()
            if lake.published and (domain in expired or {*lake.shards} - {*complete[domain].shards})
        }
    for chain, position in positions.items():
        for lakes in (complete, states):
            if chain.domain in lakes:
                lakes[chain.domain].shard(chain).checkpoint = position
    return Walk(
        [proof for domain, lake in complete.items() for proof in _shards(lake, states.get(domain))],
        {domain: states.get(domain, lake).seen for domain, lake in complete.items()},
        [why for lake in states.values() for why in lake.problems],
    )


def has_states(lake: LakeReader) -> bool:
    """Whether a domain's state has been published: what expired may be proven by it."""
    return any(lake.read_other(current_key(domain), None) is not None for domain in Domain)


def _read_all(follower: Follower) -> None:
    follower.catch_up()
    follower.catch_up()  # what the first listing missed, and what waits in vain
    if follower.problem:
        raise TransientError(follower.problem)


def _no_beginning(proof: ShardProof) -> bool:
    """Whether nothing is there that a chain could begin with, not even something broken."""
    return proof.last is None and not proof.unreadable


def _shards(complete: DomainLake, state: DomainLake | None) -> list[ShardProof]:
    """Return each chain from its first range where that is there, else from the state."""
    held = state.shards if state else {}
    chosen = {
        chain: proof
        for chain, proof in complete.shards.items()
        if chain not in held or not _no_beginning(proof)
    }
    return [proof for _, proof in sorted({**held, **chosen}.items(), key=itemgetter(0))]


def csv_file(path: Path) -> tuple[str, bytes]:
    """Return name and content of a CSV on disk.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return path.name, path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def raw_files(lake: LakeReader) -> list[tuple[str, bytes]]:
    """Return name and content of the CSVs under `raw/`."""
    keys = [stored.key for domain in Domain for stored in lake.list(raw_key(domain))]
    return [(key.rsplit("/", 1)[-1], lake.read(key)) for key in keys]


def source_laps(
    walked: Walk,
    lake: LakeReader,
    sent: Mapping[Domain, Cursor],
    name: str,
    content: bytes,
) -> list[RowProof]:
    """Say where each row of a CSV is, for every lap of it that the lake knows.

    Raises:
        InputError: it is the CSV of no domain.
    """
    digest = hashlib.sha256(content).hexdigest()[:DIGEST_DIGITS]
    domain, rows = _count_rows(name, content)
    seen = walked.seen[domain]
    known = {
        source
        for source in seen.sources()
        if (parsed := EventSource.parse(source)) and parsed.digest == digest
    }
    known = known or {str(EventSource(name, digest, 0))}  # every row of it is missing
    quarantined = _quarantined(lake, domain)
    return [
        _row_proof(RowProof(source, domain, rows), seen, lake, quarantined, sent.get(domain))
        for source in sorted(known)
    ]


def every_lap(
    walked: Walk,
    lake: LakeReader,
    sent: Mapping[Domain, Cursor],
    files: list[tuple[str, bytes]],
) -> list[RowProof]:
    """Say where each row of several CSVs is."""
    return [lap for file in files for lap in source_laps(walked, lake, sent, *file)]


class Place(msgspec.Struct, frozen=True):
    """A place in a replay."""

    lap: int
    row: int


class Cursor(msgspec.Struct, frozen=True):
    """The ingestor's cursor: every row before its position is on the stream."""

    digest: str
    position: Place


def cursors(lake: LakeReader) -> dict[Domain, Cursor]:
    """Return where the replays stand now; take it before the walk, which takes its time."""
    found = {}
    for domain in Domain:
        key = cursor_key(STREAMS[domain])
        if any(stored.key == key for stored in lake.list(key)):
            found[domain] = msgspec.json.decode(lake.read(key), type=Cursor)
    return found


def _sent_rows(proof: RowProof, cursor: Cursor | None) -> int:
    """Return how many rows of a lap have been acknowledged; all, where no cursor says otherwise."""
    source = EventSource.parse(proof.event_source)
    if cursor is None or source is None or source.digest != cursor.digest:
        return proof.rows
    if source.lap == cursor.position.lap:
        return cursor.position.row
    return proof.rows if source.lap < cursor.position.lap else 0


def _row_proof(
    proof: RowProof,
    seen: SeenIdentities,
    lake: LakeReader,
    quarantined: set[tuple[str, int]],
    cursor: Cursor | None,
) -> RowProof:
    refused, sent = _refused(lake, proof), _sent_rows(proof, cursor)
    for row in range(proof.rows):
        if seen.has(proof.event_source, row):
            proof.in_lake += 1
        elif (proof.event_source, row) in quarantined:
            proof.in_quarantine += 1
        elif row in refused:
            proof.refused += 1
        elif row < sent:
            proof.missing.append(row)
        else:
            proof.not_sent += 1
    return proof


def _count_rows(name: str, content: bytes) -> tuple[Domain, int]:
    text = content.decode("utf-8-sig", "surrogateescape")
    rows = (cells for cells in csv.reader(io.StringIO(text, newline="")) if cells)
    header = next(rows, [])
    for domain in Domain:
        if set(csv_header(domain)) <= set(header):
            return domain, sum(1 for _ in rows)
    raise InputError(f"{name} is the CSV of no domain")


def _quarantined(lake: LakeReader, domain: Domain) -> set[tuple[str, int]]:
    prefix = f"quarantine/{domain}/dt="
    return {
        identity
        for stored in lake.list(prefix)
        for identity in quarantined_rows(lake.read(stored.key))
    }


def _refused(lake: LakeReader, proof: RowProof) -> set[int]:
    key = ingest_quarantine_key(proof.domain, proof.event_source)
    return {
        msgspec.json.decode(line)["row"]
        for stored in lake.list(key)
        for line in lake.read(stored.key).splitlines()
    }


def report(walked: Walk, laps: list[RowProof]) -> str:
    """Return the proof in a person's form."""
    head = ("domain", "shard", "objects", "rows", "quarantined", "twice put", "verified")
    lines = [
        (
            shard.chain.domain,
            shard.chain.shard,
            f"{shard.objects:,}",
            f"{shard.rows:,}",
            f"{shard.unusable:,}",
            f"{shard.producer_duplicates:,}",
            "NO" if shard.problems else "yes",
        )
        for shard in walked.shards
    ]
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
    text = [_aligned(line, widths) for line in [head, *lines]]
    text += [f"  {why}" for shard in walked.shards for why in shard.problems]
    text += [f"  {why}" for why in walked.problems]
    text += [
        f"{shard.chain.shard} of {shard.chain.domain}: walked from {shard.published.last} on; "
        f"the {shard.published.objects:,} objects before have expired, the ETL run has proven them"
        for shard in walked.shards
        if shard.published
    ]
    for lap in laps:
        rest = f"{len(lap.missing):,} missing" + (f": {lap.missing[:SHOWN]}" if lap.missing else "")
        text.append(
            f"{lap.event_source}: {lap.rows:,} rows, {lap.in_lake:,} in the lake, "
            f"{lap.in_quarantine + lap.refused:,} in quarantine, "
            f"{lap.not_sent:,} not sent yet, {rest}"
        )
    text.append("verified: " + ("true" if walked.verified else "FALSE"))
    return "\n".join(text)


def _aligned(line: tuple[str, ...], widths: list[int]) -> str:
    left = 2  # the names; what follows are figures
    cells = [
        cell.ljust(width) if i < left else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]
    return "  ".join(cells)
