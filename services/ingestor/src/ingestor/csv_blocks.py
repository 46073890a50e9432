"""Reads a CSV in blocks of whole lines: most need no look at each character.

A block is plain when every line of it is a row: no quotes, no bare CR, no blank line. What is not
goes through `CsvRows`, which knows all that a CSV may do, until a block ends where a row ends.
"""

from __future__ import annotations

import codecs
import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Final

from ingestor.csv_rows import CsvRows

BLOCK_BYTES: Final = 1024 * 1024
_FEW_QUOTES: Final = 64  # in a block: each costs a copy of what follows it
# No row of ours is as long; a file without line ends must not be read into memory as one.
MAX_LINE_CHARACTERS: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class PlainBlock:
    """Whole lines, each of them a row, its cells between commas as they are."""

    data: bytes

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.data.count(b"\n") + (not self.data.endswith(b"\n"))

    def lines(self) -> list[str]:
        """Return the rows as text; bytes that are not UTF-8 as lone surrogates."""
        text = self.data.decode(errors="surrogateescape").replace("\r\n", "\n")
        return text.removesuffix("\n").split("\n")

    def column(self, at: int, width: int) -> list[str]:
        """Return the cells of a column, of rows with `width` cells."""
        commas = width - 1
        return [line.split(",", at + 1)[at] for line in self.lines() if line.count(",") == commas]


Cells = list[str]


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
        quote = block.find(b'"')
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
        b'"' not in block
        and b"\0" not in block
        and block.count(b"\r") == block.count(b"\r\n")
        and not block.startswith((b"\n", b"\r\n"))
        and b"\n\n" not in block
        and b"\n\r\n" not in block
        and (block.endswith(b"\n") or len(block) < MAX_LINE_CHARACTERS)
    )
