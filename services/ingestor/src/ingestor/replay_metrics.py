"""What is measured of a replay. Counted once a call, told about once a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from ingestor.pace import Pace
from ingestor.putter import Totals
from lake_core.metrics import Metrics, Unit

_RECORDS: Final = (1, 5, 10, 50, 100, 250, 500)  # PutRecords takes no more than 500


class ReplayMetrics:
    """The metrics of one replay."""

    def __init__(
        self,
        stream: str,
        totals: Totals,
        pace: Pace,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.all = Metrics("ingestor", {"stream": stream})
        self._totals, self._pace, self._clock = totals, pace, clock
        self._looked = clock()
        counter, gauge = self.all.counter, self.all.gauge
        self._counters = {
            "events": counter("events", "Events that Kinesis has taken.", Unit.COUNT),
            "records": counter("records", "Records that Kinesis has taken."),
            "bytes": counter("bytes", "Bytes of them, keys included."),
            "calls": counter("calls", "Calls of PutRecords."),
            "retried": counter("retried", "Records put again.", Unit.COUNT),
            "throttled": counter("throttled", "Records refused because a shard had its fill."),
            "unknown_outcomes": counter("unknown_outcomes", "Records that may be there twice."),
        }
        self._told = dict.fromkeys(self._counters, 0)
        self.call_records = self.all.histogram("call_records", "Records of a call.", _RECORDS)
        self._rate = gauge("events_per_second", "Events taken lately.")
        self._behind = gauge("pace_behind_seconds", "How far the replay is behind its pace.")

    def look(self) -> None:
        """Take over what the putter has counted."""
        now, events_then = self._clock(), self._told["events"]
        for name, counter in self._counters.items():
            total = getattr(self._totals, name)
            counter.inc(total - self._told[name])
            self._told[name] = total
        if (passed := now - self._looked) > 0:
            self._rate.set((self._told["events"] - events_then) / passed)
            self._looked = now
        behind = self._pace.behind_seconds(now)
        if behind is not None:
            self._behind.set(behind)
