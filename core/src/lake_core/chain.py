"""How a reader follows the ranges of a shard: along `after`, never by the greatest key (I9)."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from lake_core.footer import Footer
from lake_core.layout import RangeName

# How long a reader waits for the range that would close a hole before it goes on behind it.
GAP_PATIENCE_SECONDS: Final = 30 * 60


def number(sequence: str | None) -> int:
    """Return a sequence number as the integer it is compared by; -1 for the trim horizon."""
    return -1 if sequence is None else int(sequence)


@dataclass(slots=True)
class ChainReader:
    """Puts the ranges of one shard of one incarnation in order as they are found.

    `offer` takes what listings show, `unread` says what to read, `read` gives the footer of a
    range that was read and `next` takes the range that continues the chain. Feeding the same
    names again changes nothing.
    """

    end: str | None = None
    gaps: list[tuple[str | None, str]] = field(default_factory=list)
    overlaps: list[str] = field(default_factory=list)  # keys of ranges on ground already passed
    _waiting: dict[int, RangeName] = field(default_factory=dict)  # by first sequence number
    _footers: dict[int, Footer] = field(default_factory=dict)
    _taken: set[int] = field(default_factory=set)

    def offer(self, names: Iterable[RangeName]) -> None:
        """Take note of ranges that exist."""
        for name in names:
            if name.first not in self._taken and name.first not in self._waiting:
                self._waiting[name.first] = name
                if name.first <= number(self.end):
                    self.overlaps.append(name.key)
                    self._taken.add(name.first)
                    del self._waiting[name.first]

    def unread(self, ahead: int) -> list[RangeName]:
        """Return which of the `ahead` smallest ranges that wait are not yet read, in order.

        One that turns up late is among the smallest: however many were read ahead of it and are
        held, it is wanted.
        """
        nearest = heapq.nsmallest(ahead, self._waiting)
        return [self._waiting[first] for first in nearest if first not in self._footers]

    def read(self, name: RangeName, footer: Footer) -> None:
        """Take the footer of a range."""
        self._footers[name.first] = footer

    def next(self, now_milliseconds: int) -> tuple[RangeName, Footer] | None:
        """Return the next range of the chain and move its end behind it; None: nothing yet."""
        in_order = sorted(self._footers)
        for first in in_order:
            if number(self._footers[first].after) == number(self.end):
                return self._take(first)
        for first in in_order:
            if self._may_skip_to(self._footers[first], now_milliseconds):
                self.gaps.append((self.end, self._footers[first].first))
                return self._take(first)
        return None

    @property
    def waiting(self) -> int:
        """How many ranges are known that do not continue the chain yet."""
        return len(self._waiting)

    @property
    def first_waiting(self) -> RangeName | None:
        """The smallest of those."""
        return self._waiting[min(self._waiting)] if self._waiting else None

    @property
    def held(self) -> int:
        """How many of those have been read."""
        return len(self._footers)

    def _may_skip_to(self, footer: Footer, now_milliseconds: int) -> bool:
        age_seconds = (now_milliseconds - footer.last_arrival) / 1000
        return footer.gap_possible and age_seconds > GAP_PATIENCE_SECONDS

    def _take(self, first: int) -> tuple[RangeName, Footer]:
        name, footer = self._waiting.pop(first), self._footers.pop(first)
        self._taken.add(first)
        self.end = footer.last
        self._set_aside_what_was_passed()
        return name, footer

    def _set_aside_what_was_passed(self) -> None:
        """Report ranges that can never continue the chain now: they would wait for ever."""
        for first in sorted(self._waiting):
            if first > number(self.end):
                return
            self.overlaps.append(self._waiting.pop(first).key)
            self._footers.pop(first, None)
            self._taken.add(first)
