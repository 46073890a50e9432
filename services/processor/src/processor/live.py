"""The live view: what was received and is not in the lake yet, for readers in a hurry.

It helps and never hinders. Nothing here decides what the lake holds; a live view that cannot be
written is left alone for a while, and readers wait for the lake as if there were none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from lake_core.arrow import lake_schema
from lake_core.errors import TransientError
from lake_core.layout import Chain
from lake_core.live import FORMAT_VERSION, MAX_BODY_BYTES, LiveChunk, pack_rows
from lake_core.names import Domain
from lake_core.rules import RuleSet
from lake_core.schema import SCORE_COLUMNS
from processor.chain import ChainWriter
from processor.objects import scored_rows
from processor.record_run import RecordRun
from processor.shard_metrics import ShardMetrics

log = logging.getLogger(__name__)
EVERY_SECONDS: Final = 0.25  # at most four writes a second and shard
# More at once is a backlog: its readers are better served by the lake, and scoring twice costs.
MAX_ROWS: Final = 2_000
# After a write that did not work: one that took too long is no sign of a table that is away, many
# in a row are.
FIRST_PAUSE_SECONDS: Final = 1.0
PAUSE_SECONDS: Final = 30.0  # at most
_HUNDRED: Final[Any] = pa.scalar(100.0)


class LiveStore(Protocol):
    """Where live chunks are put and alerts are told."""

    def announce(self, chain: Chain) -> None:
        """Let readers know of a shard of which the lake holds nothing; again changes nothing.

        Raises:
            TransientError: it was not written, or it is not known whether.
        """
        ...

    def put_if_absent(self, chain: Chain, chunk: LiveChunk) -> str | None:
        """Write a chunk unless one begins at its first record; return where that one ends.

        Raises:
            TransientError: it was not written, or it is not known whether.
        """
        ...

    def tell(self, chain: Chain, alerts: pa.Table) -> None:
        """Publish alerting readings, rows of `lake_schema`.

        Raises:
            TransientError: some were not published.
        """
        ...


class LiveView:
    """Writes the live chunks of one shard."""

    def __init__(
        self,
        store: LiveStore,
        chain: Chain,
        rules: RuleSet,
        clock: Callable[[], float],
        metrics: ShardMetrics,
    ) -> None:
        self._store = store
        self._chain = chain
        self._rules = rules
        self._clock = clock
        self._metrics = metrics
        self._due = 0.0
        self._pause = FIRST_PAUSE_SECONDS
        self._through = -1  # number of the last record that is live, or was passed over

    def show(self, writer: ChainWriter) -> None:
        """Write what has been received since the last chunk, if it is time."""
        if self._clock() < self._due:
            return
        after, new = self._new(writer)
        if not new:
            return
        self._due = self._clock() + EVERY_SECONDS
        passed, self._through = self._through, new[-1].last_number
        if sum(run.usable for run in new) > MAX_ROWS:
            return
        try:
            self._write(new, after)
            self._pause = FIRST_PAUSE_SECONDS
        except TransientError as error:
            # Once more from there: if it was written after all, we are refused and go on behind it.
            self._through = passed
            self._due = self._clock() + self._pause
            self._pause = min(2 * self._pause, PAUSE_SECONDS)
            self._metrics.live_failed.inc()
            log.warning(
                "no live view",
                extra={
                    "shard": self._chain.shard,
                    "first_sequence_number": new[0].sequences[0],
                    "sequence_number": new[-1].sequences[-1],
                    "reason": str(error),
                },
            )

    def due_seconds(self, writer: ChainWriter) -> float | None:
        """Return after how long `show` will have something to write; None: it has nothing."""
        _, new = self._new(writer)
        return max(0.0, self._due - self._clock()) if new else None

    def _new(self, writer: ChainWriter) -> tuple[str | None, list[RecordRun]]:
        """Return what may be shown, and behind which position it begins."""
        after, new = writer.beyond(self._through)
        # A chunk must not bridge what may be a hole: it is the lake that tells of those (I7).
        return after, [] if any(run.gap_possible for run in new) else new

    def _write(self, new: Sequence[RecordRun], after: str | None) -> None:
        domain = self._chain.domain
        table = scored_rows(domain, new, self._rules).cast(lake_schema(domain))
        chunk = LiveChunk(
            format_version=FORMAT_VERSION,
            scoring_version=self._rules.scoring_version,
            first=new[0].sequences[0],
            last=new[-1].sequences[-1],
            after=after,
            last_arrival=new[-1].arrivals[-1],
            rows=pack_rows(table),
        )
        if len(chunk.rows) > MAX_BODY_BYTES:
            return
        if after is None:  # the lake holds nothing of the shard that readers could know it by
            self._store.announce(self._chain)
        there = self._store.put_if_absent(self._chain, chunk)
        if there is not None:
            # Another writer was here before, maybe with another cut: go on behind its chunk.
            self._through = int(there)
            self._metrics.live_refused.inc()
            return
        self._metrics.live_chunks.inc()
        alerts = self._alerts(table)
        if alerts.num_rows:
            self._store.tell(self._chain, alerts)

    def _alerts(self, table: pa.Table) -> pa.Table:
        if self._chain.domain is not Domain.MANUFACTURING:
            return table.slice(0, 0)
        hundredths = pc.round(pc.multiply(table[SCORE_COLUMNS[self._chain.domain]], _HUNDRED))
        limit = pa.scalar(float(self._rules.alert_at_least))
        return table.filter(pc.greater_equal(hundredths, limit))
