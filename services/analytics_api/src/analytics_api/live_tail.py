"""What is counted of one chain from live chunks, until the lake has it too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from lake_core.chain import number
from lake_core.layout import SEQUENCE_DIGITS
from lake_core.live import sort_key

# Of one chain. So much is ahead of the lake only where the lake does not grow; it may not fill
# the memory then.
MAX_ROWS: Final = 200_000
_PLACE: Final = ("sequence_number", "record_index")


@dataclass(slots=True)
class LiveTail:
    """Rows behind the last range that was counted, in the order of their positions.

    They are counted for good. When a range comes, its rows up to `through` are not counted again,
    but must be the same: if not, `differs` says that what was counted was not what the lake holds.
    """

    through: str | None = None  # up to where rows are counted; None: as far as the lake
    last_arrival: int | None = None  # milliseconds since 1970 UTC
    differs: bool = False
    rows: int = 0
    _frames: list[tuple[pl.DataFrame, Sequence[bool]]] = field(default_factory=list)

    @property
    def full(self) -> bool:
        """Whether no more rows are to be taken before the lake has some of them."""
        return self.rows >= MAX_ROWS

    def add(self, frame: pl.DataFrame, first_seen: Sequence[bool], last: str, arrival: int) -> None:
        """Take note of rows that were counted; `first_seen` is False for producers' duplicates."""
        self.through, self.last_arrival = last, arrival
        if frame.height:
            self._frames.append((frame, first_seen))
            self.rows += frame.height

    def settle(self, rows: pl.DataFrame, last: str) -> tuple[pl.DataFrame, int]:
        """Take the rows of the next range, which ends at `last`, off the tail.

        Returns:
            Those that are not counted yet, and how many of the others are duplicates.
        """
        if self.through is None:
            return rows, 0
        counted, duplicates = self._take(last)
        reached = _reached(self.through)
        behind, known = rows.filter(~reached), rows.filter(reached)
        if not _same(known, counted):
            self.differs = True
        if number(last) >= number(self.through):
            self.through = self.last_arrival = None
        return behind, duplicates

    def _take(self, last: str) -> tuple[list[pl.DataFrame], int]:
        """Return what is held up to a position, and how many duplicates are among it."""
        counted, left, duplicates = [], [], 0
        for frame, first_seen in self._frames:
            # In order of positions: the first so many.
            height = int(frame.select(_reached(last).sum()).item())
            if height:
                counted.append(frame[:height])
                duplicates += list(first_seen[:height]).count(False)
            if height < frame.height:
                left.append((frame[height:], first_seen[height:]))
        self._frames = left
        self.rows -= sum(frame.height for frame in counted)
        return counted, duplicates


def _reached(position: str) -> pl.Expr:
    """Return whether rows lie at or before a position."""
    return pl.col("sequence_number").str.zfill(SEQUENCE_DIGITS).le(sort_key(position))


def _same(known: pl.DataFrame, counted: list[pl.DataFrame]) -> bool:
    """Whether the lake's rows and those that were counted are the same, in whatever order."""
    if not counted:
        return known.is_empty()
    held = pl.concat(counted)
    return held.height == known.height and held.sort(_PLACE).equals(known.sort(_PLACE))
