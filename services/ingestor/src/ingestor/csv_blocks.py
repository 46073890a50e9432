"""Reads a CSV in blocks of whole lines: most need no look at each character.

A block is plain when every line of it is a row: no bare CR, no blank line, and quotes only around
whole cells, without quotes or line ends inside. What is not goes through `CsvRows`, which knows all
that a CSV may do, until a block ends where a row ends.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Final

from ingestor.csv_rows import CsvRows

BLOCK_BYTES: Final = 1024 * 1024
_FEW_QUOTES: Final = 64  # in a block: each odd one costs a copy of what follows it
_CELL: Final = rb'(?:[^",\r\n]*|"[^"\r\n]*")'
_QUOTED_ROW: Final = re.compile(_CELL + rb"(?:," + _CELL + rb")*\r?")
# No row of ours is as long; a file without line ends must not be read into memory as one.
MAX_LINE_CHARACTERS: Final = 1024 * 1024


Cells = list[str]


@dataclass(frozen=True, slots=True)
class PlainBlock:
    """Whole lines, each of them a row, its cells between commas as they are or in quotes."""

    data: bytes

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.data.count(b"\n") + (not self.data.endswith(b"\n"))

    @property
    def quoted(self) -> bool:
        """Whether there are cells in quotes."""
        return b'"' in self.data

    def cells(self) -> Iterator[Cells]:
        """Yield the cells of each row; bytes that are not UTF-8 as lone surrogates."""
        return map(_cells, self._lines())

    def column(self, at: int, width: int) -> list[str]:
        """Return the cells of a column, of rows with `width` cells, in any order."""
        lines, commas = self._lines(), width - 1
        found: list[str] = []
        if self.quoted:
            rows = [_cells(line) for line in lines if '"' in line]
            found = [cells[at] for cells in rows if len(cells) == width]
            lines = [line for line in lines if '"' not in line]
        return found + [line.split(",", at + 1)[at] for line in lines if line.count(",") == commas]

    def _lines(self) -> list[str]:
        text = self.data.decode(errors="surrogateescape").replace("\r\n", "\n")
        return text.removesuffix("\n").split("\n")


def _cells(line: str) -> Cells:
    return next(csv.reader([line])) if '"' in line else line.split(",")


class CsvBlocks:
    """The header of a CSV, then what follows: plain blocks, and the cells of other rows."""

    def __init__(self, file: BinaryIO) -> None:
        self._lines = _Lines(file)
        self._rows = CsvRows(iter(self._lines))
        self._cells = iter(self._rows)

    def header(self) -> Cells | None:
        """Return the first row; None if there is none. Ask for it first."""
        return next(self._cells, None)

    def __iter__(self) -> Iterator[PlainBlock | Cells]:
        while True:
            while not self._at_boundary and (cells := next(self._cells, None)) is not None:
                yield cells
            block = self._lines.block()
            if block is None:
                return
            if _is_plain(block):
                yield PlainBlock(block)
            else:
                self._lines.take(self._without_plain_rest(block))

    def _without_plain_rest(self, block: bytes) -> bytes:
        """Return the beginning of a block that has to go slowly; the rest comes another time."""
        quote = _odd_quote(block)
        if quote < 0 or block.count(b'"') > _FEW_QUOTES:
            return block
        start = block.rfind(b"\n", 0, quote) + 1
        end = start or block.find(b"\n", quote) + 1 or len(block)
        self._lines.give_back(block[end:])
        if not _is_plain(block[:end]):
            return block[:end]
        self._lines.give_back(block[:end])
        return b""

    @property
    def _at_boundary(self) -> bool:
        """Whether the lines of a block and the row before it end together."""
        return not self._lines.left and not self._rows.reads_again


class _Lines:
    """A file's lines as text, a block at a time."""

    def __init__(self, file: BinaryIO) -> None:
        self._blocks = _whole_lines(file)
        # Bytes that are not UTF-8 become lone surrogates, which the source refuses row by row.
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="surrogateescape")
        self._given_back: list[bytes] = []
        self.left: deque[str] = deque()  # of the block that was taken last

    def block(self) -> bytes | None:
        """Return the next block, untouched; None at the end."""
        return self._given_back.pop() if self._given_back else next(self._blocks, None)

    def give_back(self, block: bytes) -> None:
        """Make a block the next one again."""
        if block:
            self._given_back.append(block)

    def take(self, block: bytes) -> None:
        """Give the lines of a block, one by one."""
        # As a text file opened with newline="" has them: they end with LF, CR or both.
        text = io.StringIO(self._decoder.decode(block), newline="")
        self.left.extend(iter(partial(text.readline, MAX_LINE_CHARACTERS), ""))

    def __iter__(self) -> Iterator[str]:
        while True:
            while self.left:
                yield self.left.popleft()
            block = self.block()
            if block is None:
                return
            self.take(block)


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the first line, then blocks that end with a line end; one without any ends anywhere."""
    rest = file.readline(MAX_LINE_CHARACTERS)
    if rest.endswith(b"\n"):
        yield rest
        rest = b""
    while data := file.read(BLOCK_BYTES):
        data = rest + data
        end = data.rfind(b"\n") + 1 or (len(data) if len(data) > MAX_LINE_CHARACTERS else 0)
        rest = data[end:]
        if end:
            yield data[:end]
    if rest:
        yield rest


def _is_plain(block: bytes) -> bool:
    return (
        b"\0" not in block
        and block.count(b"\r") == block.count(b"\r\n")
        and not block.startswith((b"\n", b"\r\n"))
        and b"\n\n" not in block
        and b"\n\r\n" not in block
        and (block.endswith(b"\n") or len(block) < MAX_LINE_CHARACTERS)
        and _odd_quote(block) < 0
    )


def _odd_quote(block: bytes) -> int:
    """Return where the first line has a quote that is not simply around a cell; -1 if none has."""
    quote = block.find(b'"')
    while quote >= 0:
        end = block.find(b"\n", quote)
        end = len(block) if end < 0 else end
        if not _QUOTED_ROW.fullmatch(block, block.rfind(b"\n", 0, quote) + 1, end):
            return quote
        quote = block.find(b'"', end)
    return -1
