"""A CSV file to replay: what it is (scanned once), and its rows as typed events."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Final

from ingestor.csv_rows import CsvRows
from lake_core.errors import InputError, PoisonRecord
from lake_core.events import Event, Reading
from lake_core.layout import EventSource
from lake_core.names import Domain
from lake_core.parsing import event_from_cells
from lake_core.schema import csv_header

DIGEST_DIGITS: Final = 8
# No row of ours is as long; a file without line ends must not be read into memory as one.
MAX_LINE_CHARACTERS: Final = 1024 * 1024
_TIME_COLUMNS: Final = {Domain.MANUFACTURING: "timestamp", Domain.ECOMMERCE: "Time_of_Purchase"}


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be sent: why, and what it says."""

    row: int
    reason: str
    cells: list[str]


@dataclass(frozen=True, slots=True)
class GoodRow:
    """A row as an event, without its identity."""

    row: int
    event: Event


@dataclass(frozen=True, slots=True)
class Scan:
    """What one reading of the whole file tells."""

    rows: int
    digest: str  # first hex digits of its SHA-256
    span_days: int  # whole days its event times span: a lap further is so much later


class CsvSource:
    """A CSV file of a domain, opened anew for each reading. Memory does not grow with it."""

    def __init__(self, domain: Domain, name: str, open_file: Callable[[], BinaryIO]) -> None:
        self.domain = domain
        self.name = name
        self._open = open_file
        self._header: list[str] | None = None

    def check_header(self) -> None:
        """Read the first line.

        Raises:
            InputError: the file is empty, of another kind, or lacks columns.
        """
        with self._open() as file:
            self._read_header(iter(CsvRows(_lines(file))))

    def scan(self) -> Scan:
        """Read the file once, before anything of it is sent.

        Raises:
            InputError: see `check_header`; or it has a header and no rows.
        """
        with self._open() as file:
            hashing = _HashingReader(file)
            rows_read = iter(CsvRows(_lines(io.BufferedReader(hashing, 1 << 20))))
            header = self._read_header(rows_read)
            at = header.index(_TIME_COLUMNS[self.domain])
            rows, days = 0, _Days()
            for cells in rows_read:
                rows += 1
                if len(cells) == len(header):
                    days.add(cells[at])
        if not rows:
            raise InputError(f"{self.name} has a header and no rows; nothing to send")
        return Scan(rows, hashing.digest.hexdigest()[:DIGEST_DIGITS], days.span)

    def rows(self, first: int = 0) -> Iterator[GoodRow | BadRow]:
        """Yield each data row from row `first` on (0-based)."""
        with self._open() as file:
            rows_read = iter(CsvRows(_lines(file)))
            header = self._read_header(rows_read)
            for row, cells in enumerate(rows_read):
                if row >= first:
                    yield self._row(row, header, cells)

    def _row(self, row: int, header: list[str], cells: list[str]) -> GoodRow | BadRow:
        if len(cells) != len(header):
            reason = f"{len(cells)} cells where the header has {len(header)}"
            if len(cells) == 1 and '"' in cells[0]:
                reason = "a quote is not closed, or stands inside a cell"
            return BadRow(row, reason, cells)
        if not _is_utf8(cells):
            return BadRow(row, "not UTF-8", cells)
        try:
            return GoodRow(
                row, event_from_cells(self.domain, dict(zip(header, cells, strict=True)))
            )
        except PoisonRecord as error:
            return BadRow(row, error.reason, cells)

    def _read_header(self, rows: Iterator[list[str]]) -> list[str]:
        first = next(rows, None)
        if first is None:
            raise InputError(f"{self.name} is empty; give the {self.domain} CSV")
        wanted = csv_header(self.domain)
        missing = [name for name in wanted if name not in first]
        if not missing:
            return first
        if len(missing) == len(wanted):
            raise InputError(
                f"{self.name} is not the {self.domain} CSV: its first line is "
                f"{','.join(first)[:80]!r}, expected {','.join(wanted)[:80]!r}…"
            )
        raise InputError(
            f"{self.name} lacks {'a column' if len(missing) == 1 else 'columns'} of the "
            f"{self.domain} CSV: {', '.join(missing)}"
        )


def shift(event: Event, days: int) -> None:
    """Move an event's time by whole days: how a later lap goes on in time."""
    if not days:
        return
    if isinstance(event, Reading):
        event.timestamp += dt.timedelta(days=days)
    else:
        event.time_of_purchase += dt.timedelta(days=days)


def event_source(source: CsvSource, scan: Scan, lap: int) -> EventSource:
    """Return the identity that a lap's events share."""
    return EventSource(source.name, scan.digest, lap)


def _lines(file: BinaryIO) -> Iterator[str]:
    # Bytes that are not UTF-8 become lone surrogates: see _is_utf8.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    return iter(partial(text.readline, MAX_LINE_CHARACTERS), "")


def _is_utf8(cells: list[str]) -> bool:
    text = "".join(cells)
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False  # no JSON can hold it
    return True


class _Days:
    """The span of the event times seen, by their days."""

    def __init__(self) -> None:
        self._days: dict[str, dt.date] = {}

    def add(self, cell: str) -> None:
        text = cell.strip().split(" ", 1)[0].split("T", 1)[0]
        if text not in self._days and (day := _day(text)):
            self._days[text] = day

    @property
    def span(self) -> int:
        days = self._days.values()
        return (max(days) - min(days)).days + 1 if days else 1


def _day(text: str) -> dt.date | None:
    try:
        if "/" in text:
            month, day, year = (int(part) for part in text.split("/"))
            return dt.date(year, month, day)
        return dt.date.fromisoformat(text)
    except ValueError:
        return None  # a bad row, which is told of when it is its turn


class _HashingReader(io.RawIOBase):
    """Passes bytes on and hashes them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # typeshed has no name for a buffer
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self.digest.update(data)
        return len(data)
