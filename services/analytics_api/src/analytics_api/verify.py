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
from pathlib import Path
from typing import Any, Final

import msgspec

from analytics_api.domain_lake import DomainLake
from analytics_api.follower import Follower
from analytics_api.lake_reader import LakeReader
from analytics_api.quarantine import quarantined_rows
from lake_core.errors import InputError, TransientError
from lake_core.layout import Chain, EventSource, cursor_key, ingest_quarantine_key, raw_key
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


def walk(follower: Follower, positions: Mapping[Chain, str]) -> dict[str, Any]:
    """Read the whole lake and return its proof.

    Raises:
        TransientError: the lake cannot be read now.
    """
    follower.catch_up()
    follower.catch_up()  # what the first listing missed, and what waits in vain
    if follower.problem:
        raise TransientError(follower.problem)
    for chain, position in positions.items():
        follower.domains[chain.domain].shard(chain).checkpoint = position
    shards = [
        proof for domain in follower.domains.values() for _, proof in sorted(domain.shards.items())
    ]
    return {
        "verified": bool(shards) and not any(proof.problems for proof in shards),
        "shards": [proof.answer() for proof in shards],
    }


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
    follower: Follower,
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
    of_domain = follower.domains[domain]
    known = {
        source
        for source in of_domain.seen.sources()
        if (parsed := EventSource.parse(source)) and parsed.digest == digest
    }
    known = known or {str(EventSource(name, digest, 0))}  # every row of it is missing
    quarantined = _quarantined(lake, domain)
    return [
        _row_proof(RowProof(source, domain, rows), of_domain, lake, quarantined, sent.get(domain))
        for source in sorted(known)
    ]


def every_lap(
    follower: Follower,
    lake: LakeReader,
    sent: Mapping[Domain, Cursor],
    files: list[tuple[str, bytes]],
) -> list[RowProof]:
    """Say where each row of several CSVs is."""
    return [lap for file in files for lap in source_laps(follower, lake, sent, *file)]


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
    domain: DomainLake,
    lake: LakeReader,
    quarantined: set[tuple[str, int]],
    cursor: Cursor | None,
) -> RowProof:
    refused, sent = _refused(lake, proof), _sent_rows(proof, cursor)
    for row in range(proof.rows):
        if domain.seen.has(proof.event_source, row):
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


def report(proof: Mapping[str, Any], laps: list[RowProof]) -> str:
    """Return the proof in a person's form."""
    head = ("domain", "shard", "objects", "rows", "quarantined", "twice put", "verified")
    lines = [
        (
            shard["domain"],
            shard["shard"],
            f"{shard['objects']:,}",
            f"{shard['rows']:,}",
            f"{shard['quarantined_entries']:,}",
            f"{shard['producer_duplicates']:,}",
            "yes" if shard["verified"] else "NO",
        )
        for shard in proof["shards"]
    ]
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
    text = [_aligned(line, widths) for line in [head, *lines]]
    text += [f"  {why}" for shard in proof["shards"] for why in shard["problems"]]
    for lap in laps:
        rest = f"{len(lap.missing):,} missing" + (f": {lap.missing[:SHOWN]}" if lap.missing else "")
        text.append(
            f"{lap.event_source}: {lap.rows:,} rows, {lap.in_lake:,} in the lake, "
            f"{lap.in_quarantine + lap.refused:,} in quarantine, "
            f"{lap.not_sent:,} not sent yet, {rest}"
        )
    text.append("verified: " + ("true" if proof["verified"] else "FALSE"))
    return "\n".join(text)


def _aligned(line: tuple[str, ...], widths: list[int]) -> str:
    left = 2  # the names; what follows are figures
    cells = [
        cell.ljust(width) if i < left else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]
    return "  ".join(cells)
