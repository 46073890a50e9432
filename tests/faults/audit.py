"""Counts the lake independently: against what was sent, entry by entry and value by value.

Reads Parquet with pyarrow alone and follows footers itself: nothing of the product's reader or
verifier is used, so a fault of theirs cannot hide one of the writer.
"""

from __future__ import annotations

import base64
import io
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow.parquet as pq

from lake_core.layout import RangeName, processed_prefix
from lake_core.schema import columns
from tests.faults.events import DOMAIN, Entry
from tests.faults.ledger import Position

Place = tuple[str, int, int]  # shard, sequence number, index in the record
SHOWN: Final = 5


@dataclass(slots=True)
class Finding:
    """What is wrong with a lake: nothing, if all is well."""

    events: int = 0
    lost: int = 0
    duplicated: int = 0
    stuck: int = 0  # shards
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Found:
    """A range as its object says."""

    name: RangeName
    footer: dict[str, Any]
    rows: list[dict[str, Any]]


@dataclass(slots=True)
class Contents:
    """Everything the lake holds, by place."""

    ranges: list[Found] = field(default_factory=list)
    rows: dict[Place, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    poison: dict[Place, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    problems: list[str] = field(default_factory=list)

    def times(self, place: Place) -> int:
        """How often the lake holds what came at a place."""
        return len(self.rows.get(place, ())) + len(self.poison.get(place, ()))


class Bucket:
    """The lake's bucket, read plainly."""

    def __init__(self, s3: Any, name: str) -> None:
        self._s3 = s3
        self.name = name

    def keys(self, prefix: str) -> list[str]:
        """Return the keys under a prefix."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def read(self, key: str) -> bytes:
        """Return an object."""
        return bytes(self._s3.get_object(Bucket=self.name, Key=key)["Body"].read())


def read_lake(bucket: Bucket) -> Contents:
    """Read every range, and the quarantine objects that footers name (others are litter)."""
    contents = Contents()
    quarantine = set(bucket.keys("quarantine/"))
    for key in bucket.keys(processed_prefix(DOMAIN)):
        name = RangeName.parse(key)
        if name is None:
            contents.problems.append(f"{key} is not a range's key")
            continue
        file = pq.ParquetFile(io.BytesIO(bucket.read(key)))
        footer = json.loads((file.metadata.metadata or {})[b"lake"])
        found = Found(name, footer, file.read().to_pylist())
        contents.ranges.append(found)
        for row in found.rows:
            place = (name.chain.shard, int(row["sequence_number"]), row["record_index"])
            contents.rows[place].append(row)
        if footer.get("quarantine"):
            _read_quarantine(bucket, found, quarantine, contents)
    return contents


def _read_quarantine(bucket: Bucket, found: Found, existing: set[str], contents: Contents) -> None:
    key = found.footer["quarantine"]
    if key not in existing:
        contents.problems.append(f"{found.name.key} names {key}, which does not exist")
        return
    lines = [json.loads(line) for line in bucket.read(key).splitlines()]
    if len(lines) != found.footer["unusable"]:
        contents.problems.append(f"{key} has {len(lines)} entries, not {found.footer['unusable']}")
    for line in lines:
        place = (line["shard"], int(line["sequence_number"]), line["record_index"])
        contents.poison[place].append(base64.b64decode(line["data"]))


def compare(
    contents: Contents,
    sent: dict[Position, tuple[Entry, ...]],
    either: Callable[[Entry], bool] = lambda _: False,
) -> Finding:
    """Compare a lake with what was sent; `either` marks entries two versions judge differently."""
    finding = Finding(problems=list(contents.problems))
    ends = _ends(contents)
    stuck: set[str] = set()
    expected: set[Place] = set()
    for (shard, sequence), entries in sent.items():
        finding.events += len(entries)
        for index, entry in enumerate(entries):
            place = (shard, sequence, index)
            expected.add(place)
            times = contents.times(place)
            if times == 0 and sequence > ends.get(shard, -1):
                stuck.add(shard)
            finding.lost += times == 0
            finding.duplicated += max(0, times - 1)
            finding.problems += _wrong_value(contents, place, entry, either)
    finding.stuck = len(stuck)
    unknown = (contents.rows.keys() | contents.poison.keys()) - expected
    finding.problems += [f"in the lake, but never sent: {place}" for place in unknown]
    finding.problems += _broken_chains(contents.ranges)
    return finding


def _ends(contents: Contents) -> dict[str, int]:
    ends: dict[str, int] = {}
    for found in contents.ranges:
        shard = found.name.chain.shard
        ends[shard] = max(ends.get(shard, -1), int(found.footer["last"]))
    return ends


def _wrong_value(
    contents: Contents, place: Place, entry: Entry, either: Callable[[Entry], bool]
) -> Iterable[str]:
    rows, poison = contents.rows.get(place, ()), contents.poison.get(place, ())
    if any(raw != entry.data for raw in poison):
        yield f"the quarantined bytes at {place} are not those sent"
    if poison and entry.cells is not None and not either(entry):
        yield f"the usable entry at {place} is in quarantine"
    for row in rows:
        if entry.cells is None:
            yield f"the poison at {place} is a row"
        elif (row["event_source"], row["event_row"]) != entry.identity:
            yield f"the row at {place} has the identity of another"
        else:
            yield from (
                f"{column.name} at {place} is {row[column.name]}, not {entry.cells[column.key]}"
                for column in columns(DOMAIN)
                if not _same(row[column.name], entry.cells[column.key])
            )


def _same(value: Any, cell: str) -> bool:
    """Compare a value of the lake with its CSV cell, independently of the product's parser."""
    if hasattr(value, "strftime"):
        return bool(value.strftime("%Y-%m-%d %H:%M:%S") == cell)
    return bool(value == type(value)(cell))


def _broken_chains(ranges: list[Found]) -> Iterable[str]:
    chains: dict[object, list[Found]] = defaultdict(list)
    for found in ranges:
        chains[found.name.chain].append(found)
        yield from _broken_range(found)
    for members in chains.values():
        end: str | None = None
        for found in sorted(members, key=lambda one: one.name.first):
            if found.footer["after"] != end:
                yield f"{found.name.key} is after {found.footer['after']}, not after {end}"
            end = found.footer["last"]


def _broken_range(found: Found) -> Iterable[str]:
    footer, rows = found.footer, found.rows
    hours = {row["arrival_timestamp"].strftime("%Y-%m-%d %H") for row in rows}
    places = Counter((int(row["sequence_number"]), row["record_index"]) for row in rows)
    checks = {
        "its first record is not the one of its name": int(footer["first"]) == found.name.first,
        "its rows are not as many as its footer says": len(rows) == footer["rows"],
        "its rows are not of one hour, its own": hours <= {f"{found.name.hour:%Y-%m-%d %H}"},
        "a row lies outside first and last": all(
            int(footer["first"]) <= sequence <= int(footer["last"]) for sequence, _ in places
        ),
        "a gap is said to be possible": not footer.get("gap_possible", False),
    }
    yield from (f"{found.name.key}: {what}" for what, holds in checks.items() if not holds)


def shortened(problems: list[str]) -> list[str]:
    """Return the first problems, and how many more there are."""
    more = len(problems) - SHOWN
    return problems[:SHOWN] + ([f"… and {more} more"] if more > 0 else [])


def merged(findings: Iterable[Finding]) -> Finding:
    """Add findings up."""
    total = Finding()
    for one in findings:
        total.events += one.events
        total.lost += one.lost
        total.duplicated += one.duplicated
        total.stuck += one.stuck
        total.problems += one.problems
    return total
