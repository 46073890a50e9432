"""A CSV file to replay: what it is (scanned once), and its rows as typed events."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from ingestor.csv_blocks import BLOCK_BYTES, CsvBlocks, PlainBlock
from lake_core.errors import InputError, PoisonRecord
from lake_core.events import Event, Reading
from lake_core.layout import EventSource
from lake_core.names import Domain
from lake_core.parsing import event_from_cells
from lake_core.schema import csv_header

DIGEST_DIGITS: Final = 8
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
            self._checked(CsvBlocks(file).header())

    def scan(self) -> Scan:
        """Read the file once, before anything of it is sent.

        Raises:
            InputError: see `check_header`; or it has a header and no rows.
        """
        with self._open() as file:
            hashing = _HashingReader(file)
            blocks = CsvBlocks(io.BufferedReader(hashing, BLOCK_BYTES))
            header = self._checked(blocks.header())
            at = header.index(_TIME_COLUMNS[self.domain])
            rows, days = 0, _Days()
            for block in blocks:
                if isinstance(block, PlainBlock):
                    rows += block.rows
                    days.add_all(block.column(at, len(header)))
                    continue
                rows += 1
                if len(block) == len(header):
                    days.add(block[at])
        if not rows:
            raise InputError(f"{self.name} has a header and no rows; nothing to send")
        return Scan(rows, hashing.digest.hexdigest()[:DIGEST_DIGITS], days.span)

    def rows(self, first: int = 0) -> Iterator[GoodRow | BadRow]:
        """Yield each data row from row `first` on (0-based)."""
        for row, header, block in self.blocks(first):
            if isinstance(block, PlainBlock):
                yield from self.rows_of(row, header, block, first)
            else:
                yield self.row_of(row, header, block)

    def blocks(self, first: int = 0) -> Iterator[tuple[int, list[str], PlainBlock | list[str]]]:
        """Yield what holds row `first` and all that follow: first row, header, block or cells."""
        with self._open() as file:
            blocks = CsvBlocks(file)
            header = self._checked(blocks.header())
            row = 0
            for block in blocks:
                count = block.rows if isinstance(block, PlainBlock) else 1
                if row + count > first:
                    yield row, header, block
                row += count

    def rows_of(
        self, row: int, header: list[str], block: PlainBlock, first: int
    ) -> Iterator[GoodRow | BadRow]:
        """Yield each row of a block that begins at `row`, from row `first` on."""
        for number, cells in enumerate(block.cells(), row):
            if number >= first:
                yield self.row_of(number, header, cells)

    def row_of(self, row: int, header: list[str], cells: list[str]) -> GoodRow | BadRow:
        """Return a row of those cells."""
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

    def _checked(self, first: list[str] | None) -> list[str]:
        """Return the header if it is one."""
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

    def add_all(self, cells: Iterable[str]) -> None:
        for cell in {cell.split(" ", 1)[0] or cell for cell in cells}:
            self.add(cell)

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
