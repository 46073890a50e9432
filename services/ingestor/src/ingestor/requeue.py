"""Puts what is in quarantine on its stream again, once it can be used.

An entry becomes usable when a newer version understands it, or when somebody corrects it: in a file
with one JSON event a line, line n for line n of the quarantine object (an empty line: leave it).
Entries that tell no identity of their own get one from the object: `event_source` is
`requeue:<stem>`, the row is the line. So doing it twice changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from ingestor.putter import Putter
from ingestor.records import PlainRecords
from lake_core.errors import InputError, PoisonRecord
from lake_core.events import Event, partition_key
from lake_core.layout import lap_of
from lake_core.names import Domain
from lake_core.parsing import event_from_cells, parse_event
from lake_core.schema import csv_header

WAIT_SECONDS: Final = 0.5  # between looks whether a lane has given up
_KEY: Final = re.compile(
    r"quarantine/(?P<domain>manufacturing|ecommerce)/(?P<ingest>ingest/)?(?:.*/)?(?P<stem>[^/]+)\.jsonl"
)


class Entry(msgspec.Struct):
    """A line of either kind of quarantine object."""

    reason: str
    data: bytes | None = None  # what the stream carried; base64 in the object
    row: int | None = None  # of a CSV
    cells: list[str] | None = None


@dataclass(frozen=True, slots=True)
class QuarantineKey:
    """What the key of a quarantine object says."""

    domain: Domain
    stem: str
    of_csv: bool  # rows that the ingestor refused, not entries of a stream

    @classmethod
    def parse(cls, key: str) -> QuarantineKey:
        """Read a key.

        Raises:
            InputError: it is not that of a quarantine object, or of rows whose time is not known.
        """
        match = _KEY.fullmatch(key)
        if match is None:
            raise InputError(f"{key} is not the key of a quarantine object: quarantine/…/….jsonl")
        made = cls(Domain(match["domain"]), match["stem"], match["ingest"] is not None)
        if made.of_csv and lap_of(made.stem):
            raise InputError(
                f"{key} is of a later lap, whose times are shifted; requeue the one of lap 0, or "
                "correct the CSV and replay it"
            )
        return made


@dataclass(slots=True)
class Requeued:
    """What became of the entries."""

    sent: int = 0
    unusable: int = 0


def requeue(
    key: QuarantineKey,
    lines: Iterable[bytes],
    corrected: Iterator[bytes] | None,
    records: PlainRecords,
    putter: Putter,
) -> Requeued:
    """Put every entry that can be used on the stream, and wait until it is there.

    Raises:
        InputError: a line is none of a quarantine object's.
        TransientError: the stream refused for too long.
    """
    done = Requeued()
    for number, line in enumerate(lines):
        if not line:
            continue
        correction = next(corrected, b"").strip() if corrected is not None else None
        try:
            event = _event(key, number, _decode(line, number), correction)
        except PoisonRecord:
            done.unusable += 1
            continue
        made = list(records.add(partition_key(event), records.entry(event), number, 0.0))
        putter.expect(made)
        while not putter.offer(made, WAIT_SECONDS):
            putter.check()
        done.sent += 1
    while not putter.drain(WAIT_SECONDS):
        putter.check()
    return done


def _decode(line: bytes, number: int) -> Entry:
    try:
        return msgspec.json.decode(line, type=Entry)
    except msgspec.DecodeError as error:
        raise InputError(f"line {number + 1} is not one of a quarantine object: {error}") from error


def _event(key: QuarantineKey, number: int, entry: Entry, correction: bytes | None) -> Event:
    if correction is not None:
        event = parse_event(key.domain, correction)
    elif entry.cells is not None:
        event = event_from_cells(key.domain, _cells(key.domain, entry.cells))
    else:
        event = parse_event(key.domain, entry.data or b"")
    if event.identity is None:
        csv_row = key.of_csv and entry.row is not None
        event.event_source = key.stem if csv_row else f"requeue:{key.stem}"
        event.event_row = entry.row if csv_row else number
    return event


def _cells(domain: Domain, cells: list[str]) -> dict[str, Any]:
    header = csv_header(domain)
    if len(cells) != len(header):
        raise PoisonRecord(f"{len(cells)} cells where the header has {len(header)}")
    return dict(zip(header, cells, strict=True))
