"""What the write path needs of an object store, and how its effects are performed on one."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from lake_core.chain import number
from lake_core.errors import OutcomeUnknown
from lake_core.footer import Footer
from lake_core.layout import Chain, RangeName, processed_prefix, shard_hour_prefix
from lake_core.parquet import read_footer
from lake_core.rules import RuleSet
from processor.chain import (
    Effect,
    FindArrival,
    HeldTooLong,
    LakeHoldsIncarnation,
    ListRanges,
    Outcome,
    PutQuarantine,
    PutRange,
    Range,
    ReadFooter,
    Steps,
)
from processor.objects import lake_object, quarantine_object
from processor.shard_metrics import ShardMetrics

log = logging.getLogger(__name__)
# Enough for the Parquet footer of one row group; a longer one is fetched whole.
FOOTER_TAIL_BYTES: Final = 64 * 1024
_HOUR: Final = dt.timedelta(hours=1)


class LakeStore(Protocol):
    """An object store with a conditional put.

    Raises of every method:
        TransientError: the store did not answer within the deadline; nothing is known to be done.
    """

    def list_keys(self, prefix: str) -> list[str]:
        """Return the keys that begin with a prefix, in order."""
        ...

    def read_tail(self, key: str, length: int) -> bytes | None:
        """Return the last `length` bytes of an object (all, if it is shorter); None if none."""
        ...

    def read(self, key: str) -> bytes | None:
        """Return a whole object; None if there is none."""
        ...

    def put(self, key: str, body: bytes) -> None:
        """Write an object; writing the same content again changes nothing."""
        ...

    def put_if_absent(self, key: str, body: bytes) -> bool:
        """Write an object if there is none at the key: True if written, False if there is one.

        Raises:
            OutcomeUnknown: it may or may not have been written.
        """
        ...


class LakeEffects:
    """Performs the effects of one shard's `ChainWriter` on a store."""

    def __init__(
        self,
        store: LakeStore,
        chain: Chain,
        rules: RuleSet,
        clock: Callable[[], float],
        *,
        look_back_hours: int,
        metrics: ShardMetrics,
    ) -> None:
        self._store = store
        self._chain = chain
        self._rules = rules
        self._clock = clock
        self._look_back_hours = look_back_hours
        self._metrics = metrics

    def run(self, steps: Steps) -> None:
        """Perform the effects of `steps` one after the other until there are no more."""
        try:
            effect = next(steps)
            while True:
                effect = steps.send(self.perform(effect))
        except StopIteration:
            return

    def perform(self, effect: Effect) -> Any:
        """Perform one effect and return its result."""
        match effect:
            case ListRanges(hour):
                return self._ranges(hour)
            case ReadFooter(name):
                return self._footer(name)
            case PutQuarantine(due):
                self._put_quarantine(due)
                return None
            case PutRange(due):
                return self._put_range(due)
            case FindArrival(position, before):
                return self._find_arrival(position, before)
            case LakeHoldsIncarnation():
                return self._holds_incarnation()

    def _ranges(self, hour: dt.datetime) -> list[RangeName]:
        keys = self._store.list_keys(shard_hour_prefix(self._chain, hour))
        names = [RangeName.parse(key) for key in keys]
        return [name for name in names if name is not None and name.chain == self._chain]

    def _footer(self, name: RangeName) -> Footer | None:
        tail = self._store.read_tail(name.key, FOOTER_TAIL_BYTES)
        if tail is None:
            return None
        footer_bytes = int.from_bytes(tail[-8:-4], "little") + 8
        whole: bytes | None = tail
        if footer_bytes > len(tail):
            whole = self._store.read(name.key)
        return None if whole is None else read_footer(whole, name.key)

    def _put_quarantine(self, due: Range) -> None:
        made = quarantine_object(due)
        if made is not None:
            self._store.put(*made)

    def _put_range(self, due: Range) -> Outcome:
        began = time.monotonic()
        quarantine = quarantine_object(due)
        body, footer = lake_object(due, self._rules, quarantine[0] if quarantine else None)
        if self._clock() > due.deadline:
            raise HeldTooLong(f"{due.name.key} was not written within its deadline")
        try:
            outcome = (
                Outcome.COMMITTED
                if self._store.put_if_absent(due.name.key, body)
                else Outcome.REFUSED
            )
        except OutcomeUnknown as error:
            log.warning(
                "outcome unknown",
                extra={
                    "key": due.name.key,
                    "shard": self._chain.shard,
                    "first_sequence_number": footer.first,
                    "sequence_number": footer.last,
                    "cause": str(error),
                },
            )
            return Outcome.UNKNOWN
        seconds = time.monotonic() - began
        if outcome is Outcome.COMMITTED:
            self._count(footer, len(body), seconds)
        log.info(
            "range %s",
            outcome.value,
            extra={
                "key": due.name.key,
                "shard": self._chain.shard,
                "first_sequence_number": footer.first,
                "sequence_number": footer.last,
                "records": footer.records,
                "rows": footer.rows,
                "unusable": footer.unusable,
                "bytes": len(body),
                "seconds": round(seconds, 3),
            },
        )
        return outcome

    def _count(self, footer: Footer, size: int, seconds: float) -> None:
        metrics = self._metrics
        metrics.ranges.inc()
        metrics.rows.inc(footer.rows)
        metrics.unusable.inc(footer.unusable)
        metrics.bytes.inc(size)
        metrics.range_rows.observe(footer.rows)
        metrics.flush_seconds.observe(seconds)
        metrics.last_range_seconds.set(time.time())

    def _find_arrival(self, position: str, before: dt.datetime) -> int | None:
        """Look back hour by hour for the range that ends at a position."""
        for hours in range(self._look_back_hours + 1):
            names = self._ranges(before - hours * _HOUR)
            held = [name for name in names if name.first <= number(position)]
            if held:
                footer = self._footer(max(held, key=lambda name: name.first))
                if footer is not None and number(footer.last) >= number(position):
                    return footer.last_arrival if footer.last == position else footer.first_arrival
        return None

    def _holds_incarnation(self) -> bool:
        """Whether any shard of the incarnation has a range."""
        needle = f"-{self._chain.incarnation}-"
        keys = self._store.list_keys(processed_prefix(self._chain.domain))
        return any(needle in key for key in keys)
