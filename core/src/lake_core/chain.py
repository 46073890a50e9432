"""How a reader follows the ranges of a shard: along `after`, never by the greatest key (I9)."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

from lake_core.footer import Footer
from lake_core.layout import RangeName

# How old the object behind a hole must be before a reader goes on there: by then, what would
# close the hole has been written and listed, or never will be (I8).
GAP_PATIENCE_SECONDS: Final = 30 * 60


def number(sequence: str | None) -> int:
    """Return a sequence number as the integer it is compared by; -1 for the trim horizon."""
    return -1 if sequence is None else int(sequence)


class _Found(NamedTuple):
    name: RangeName
    written_milliseconds: int


@dataclass(slots=True)
class ChainReader:
    """Puts the ranges of one shard of one incarnation in order as they are found.

    `offer` takes what listings show, `unread` says what to read, `read` gives the footer of a
    range that was read and `next` takes the range that continues the chain. Offering the same
    name again changes nothing.
    """

    end: str | None = None
    # Where somebody else read up to: what begins at or before it is theirs, and not kept here.
    begin: str | None = None
    gaps: list[tuple[str | None, str]] = field(default_factory=list)
    overlaps: list[str] = field(default_factory=list)  # keys of ranges on ground already passed
    _waiting: dict[int, _Found] = field(default_factory=dict)  # by first sequence number
    _order: list[int] = field(default_factory=list)  # of those, the smallest first
    _footers: dict[int, Footer] = field(default_factory=dict)
    _passed: dict[int, int] = field(default_factory=dict)  # first → hour, as `_hour_number`

    @classmethod
    def behind(cls, position: str) -> Self:
        """Return a reader that goes on behind a position that was published."""
        return cls(end=position, begin=position)

    def offer(self, name: RangeName, written_milliseconds: int) -> None:
        """Take note of a range that exists, written at that time by the store's word."""
        if name.first <= number(self.begin):
            return
        held, hour = self._waiting.get(name.first), self._passed.get(name.first)
        if held is not None:
            hour = _hour_number(held.name)
        if hour is None and name.first > number(self.end):
            self._waiting[name.first] = _Found(name, written_milliseconds)
            insort(self._order, name.first)
        elif hour is None:
            self._pass(name)
        elif hour != _hour_number(name) and name.key not in self.overlaps:
            # Its rows are in the lake twice: who reads the files without us sees both.
            self.overlaps.append(name.key)

    def unread(self, ahead: int) -> list[RangeName]:
        """Return which of the `ahead` smallest ranges that wait are not yet read, in order.

        One that turns up late is among the smallest: however many were read ahead of it and are
        held, it is wanted.
        """
        nearest = self._order[:ahead]
        return [self._waiting[first].name for first in nearest if first not in self._footers]

    def read(self, name: RangeName, footer: Footer) -> None:
        """Take the footer of a range."""
        self._footers[name.first] = footer

    def next(self, now_milliseconds: int) -> tuple[RangeName, Footer] | None:
        """Return the next range of the chain and move its end behind it; None: nothing yet."""
        end = number(self.end)
        for first in sorted(self._footers):
            if number(self._footers[first].after) == end:
                return self._take(first)
        for first in self._order:
            if first not in self._footers:
                return None  # it may be the one that continues the chain
            if self._may_skip_to(first, now_milliseconds):
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
        return self._waiting[self._order[0]].name if self._order else None

    @property
    def held(self) -> int:
        """How many of those have been read."""
        return len(self._footers)

    def holds(self, name: RangeName) -> bool:
        """Whether a range has been read and waits for its turn."""
        return name.first in self._footers

    def _may_skip_to(self, first: int, now_milliseconds: int) -> bool:
        # The object's age, not its records': a backlog's are old when they are written, and the
        # range before them may be written and not yet listed.
        age_seconds = (now_milliseconds - self._waiting[first].written_milliseconds) / 1000
        return self._footers[first].gap_possible and age_seconds > GAP_PATIENCE_SECONDS

    def _take(self, first: int) -> tuple[RangeName, Footer]:
        name, footer = self._waiting[first].name, self._footers[first]
        self._forget(bisect_left(self._order, first))
        self._passed[first] = _hour_number(name)
        self.end = footer.last
        while self._order and self._order[0] <= number(self.end):
            # It can never continue the chain now, and would wait for ever.
            self._pass(self._forget(0))
        return name, footer

    def _pass(self, name: RangeName) -> None:
        self.overlaps.append(name.key)
        self._passed[name.first] = _hour_number(name)

    def _forget(self, place: int) -> RangeName:
        first = self._order.pop(place)
        self._footers.pop(first, None)
        return self._waiting.pop(first).name


def _hour_number(name: RangeName) -> int:
    return int(name.hour.timestamp()) // 3600
