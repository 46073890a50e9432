"""Splits a CSV into rows so that a broken one costs nothing but itself.

A quote that is never closed makes a CSV reader take the lines after it for part of one cell, up to
the next quote. Such a row is given as its first line alone, and reading goes on at the line after.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import Final

# Bounds how far an open quote is followed, and what a row may cost.
MAX_CELL_CHARACTERS: Final = 64 * 1024


class CsvRows:
    """The rows of a CSV that are not blank, as lists of cells.

    A row that spans several lines is whole if it has as many cells as the first row, the header,
    and its quotes are where quotes belong (`strict`: also at the end of the file).
    """

    def __init__(self, lines: Iterator[str]) -> None:
        csv.field_size_limit(MAX_CELL_CHARACTERS)
        self._lines = lines
        self._again: deque[str] = deque()  # lines read already that begin a row after all
        self._taken: list[str] = []  # lines of the row being read
        self._width: int | None = None

    @property
    def reads_again(self) -> bool:
        """Whether lines that were read already are still to be given as rows."""
        return bool(self._again)

    def __iter__(self) -> Iterator[list[str]]:
        reader = csv.reader(self._feed(), strict=True)
        while True:
            self._taken.clear()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                cells = []
            if not cells and not self._taken[0].strip("\r\n"):
                continue
            if self._width is None:
                self._width = len(cells)
            if not cells or (len(self._taken) > 1 and len(cells) != self._width):
                cells = [self._taken[0].rstrip("\r\n")]
                self._again.extendleft(reversed(self._taken[1:]))
                reader = csv.reader(self._feed(), strict=True)
            yield cells

    def _feed(self) -> Iterator[str]:
        while True:
            line = self._again.popleft() if self._again else next(self._lines, None)
            if line is None:
                return
            self._taken.append(line)
            yield line
