"""A CSV file to replay: what it is (scanned once), and its rows as typed events."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from lake_core.errors import InputError, PoisonRecord
from lake_core.events import Event, Reading
from lake_core.layout import EventSource
from lake_core.names import Domain
from lake_core.parsing import event_from_cells
from lake_core.schema import csv_header

DIGEST_DIGITS: Final = 8
# A quote that is never closed would otherwise read the rest of the file into one cell.
MAX_CELL_CHARACTERS: Final = 64 * 1024
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
            self._read_header(_lines(file))

    def scan(self) -> Scan:
        """Read the file once, before anything of it is sent.

        Raises:
            InputError: see `check_header`; or it has a header and no rows.
        """
        with self._open() as file:
            hashing = _HashingReader(file)
            lines = _lines(io.BufferedReader(hashing, 1 << 20))
            header = self._read_header(lines)
            at = header.index(_TIME_COLUMNS[self.domain])
            rows, days = 0, _Days()
            for cells in _rows(lines):
                rows += 1
                if len(cells) == len(header):
                    days.add(cells[at])
        if not rows:
            raise InputError(f"{self.name} has a header and no rows; nothing to send")
        return Scan(rows, hashing.digest.hexdigest()[:DIGEST_DIGITS], days.span)

    def rows(self, first: int = 0) -> Iterator[GoodRow | BadRow]:
        """Yield each data row from row `first` on (0-based)."""
        with self._open() as file:
            lines = _lines(file)
            header = self._read_header(lines)
            for row, cells in enumerate(_rows(lines)):
                if row >= first:
                    yield self._row(row, header, cells)

    def _row(self, row: int, header: list[str], cells: list[str]) -> GoodRow | BadRow:
        if len(cells) != len(header):
            reason = f"{len(cells)} cells where the header has {len(header)}"
            return BadRow(row, reason, cells)
        try:
            return GoodRow(
                row, event_from_cells(self.domain, dict(zip(header, cells, strict=True)))
            )
        except PoisonRecord as error:
            return BadRow(row, error.reason, cells)

    def _read_header(self, lines: Iterator[str]) -> list[str]:
        first = next(_rows(lines), None)
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
    # Bytes that are not UTF-8 become lone surrogates, which no event may hold: a bad row alone.
    return io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")


def _rows(lines: Iterator[str]) -> Iterator[list[str]]:
    """Yield the cells of each row that is not blank."""
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    reader = csv.reader(lines)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells = [f"line {reader.line_num}: {error}"]
        if cells:
            yield cells


class _Days:
    """The span of the event times seen, by their days."""

    def __init__(self) -> None:
        self._texts: dict[str, dt.date | None] = {}

    def add(self, cell: str) -> None:
        day = cell.strip().split(" ", 1)[0].split("T", 1)[0]
        if day not in self._texts:
            self._texts[day] = _day(day)

    @property
    def span(self) -> int:
        days = [day for day in self._texts.values() if day]
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
