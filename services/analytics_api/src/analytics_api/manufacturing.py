"""The mergeable state of the machines: sums and counts of whole numbers, in any order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from analytics_api.alerts import AlertStore
from analytics_api.frames import SCORE, efficiency_micro, latest_rows, order_of
from lake_core.rules import RuleSet
from lake_core.scoring import Risk, risk

MINUTE_MICROSECONDS: Final = 60_000_000
WINDOW_MINUTES: Final = 24 * 60  # the risk window
HOUR_MINUTES: Final = 60
HISTORY_HOURS: Final = 48
DAY_MINUTES: Final = 24 * 60
HISTORY_DAYS: Final = 400  # of event time: a year and what compares with it
MAINTENANCE_LIFE: Final = 20  # predicted remaining life below which maintenance is expected

Buckets = dict[int, tuple[int, int]]  # start → (sum of hundredths, count)


@dataclass(slots=True)
class Machine:
    """One machine."""

    machine_id: int
    latest: dict[str, Any]
    readings: int = 0
    score_sum: int = 0  # hundredths
    alerts: int = 0
    minutes: Buckets = field(default_factory=dict)
    hours: Buckets = field(default_factory=dict)
    days: Buckets = field(default_factory=dict)
    # (sum of hundredths, count) over `latest − 24 h < timestamp ≤ latest`
    window: tuple[int, int] = (0, 0)

    def risk(self, rules: RuleSet) -> Risk:
        """Return the machine's risk."""
        return risk(*self.window, rules)

    @property
    def needs_maintenance(self) -> bool:
        """Whether its latest reading predicts a maintenance."""
        return bool(
            self.latest["maintenance_required"] == 1
            or self.latest["predicted_remaining_life"] < MAINTENANCE_LIFE
        )

    def settle(self) -> None:
        """Drop buckets that no answer can use any more, and sum up the window."""
        last = self.latest["time"] // MINUTE_MICROSECONDS
        for buckets, kept in (
            (self.minutes, WINDOW_MINUTES),
            (self.hours, HISTORY_HOURS * HOUR_MINUTES),
            (self.days, HISTORY_DAYS * DAY_MINUTES),
        ):
            for start in [start for start in buckets if start <= last - kept]:
                del buckets[start]
        inside = self.minutes.values()
        self.window = sum(total for total, _ in inside), sum(count for _, count in inside)


class ManufacturingState:
    """All machines and the totals over all readings."""

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self.machines: dict[int, Machine] = {}
        self.changed: set[int] = set()  # machines, since their items were last made
        self.alerts = AlertStore()
        self.readings = 0
        self.score_sum = 0  # hundredths
        self.efficiency_sum = 0  # millionths

    def add(self, frame: pl.DataFrame) -> None:
        """Take readings, each once."""
        if frame.is_empty():
            return
        self.readings += frame.height
        self.score_sum += int(frame[SCORE].sum())
        self.efficiency_sum += efficiency_micro(frame)
        for row in latest_rows(frame, "machine_id"):
            self._take_latest(row)
        alerting = frame.filter(pl.col(SCORE) >= self.rules.alert_at_least)
        self.alerts.add(alerting)
        self._count(frame, alerting)
        touched = frame["machine_id"].unique().to_list()
        for machine_id in touched:
            self.machines[machine_id].settle()
        self.changed.update(touched)

    def _take_latest(self, row: dict[str, Any]) -> None:
        machine = self.machines.get(row["machine_id"])
        if machine is None:
            self.machines[row["machine_id"]] = Machine(row["machine_id"], row)
        elif order_of(row) > order_of(machine.latest):
            machine.latest = row

    def _count(self, frame: pl.DataFrame, alerting: pl.DataFrame) -> None:
        for machine_id, start, total, count in _buckets(frame, 1):
            _merge(self.machines[machine_id].minutes, start, total, count)
        for machine_id, start, total, count in _buckets(frame, HOUR_MINUTES):
            _merge(self.machines[machine_id].hours, start, total, count)
        for machine_id, start, total, count in _buckets(frame, DAY_MINUTES):
            machine = self.machines[machine_id]
            machine.readings += count
            machine.score_sum += total
            _merge(machine.days, start, total, count)
        for machine_id, count in alerting.group_by("machine_id").len().iter_rows():
            self.machines[machine_id].alerts += count


def _buckets(frame: pl.DataFrame, minutes: int) -> Iterable[tuple[int, int, int, int]]:
    """Yield machine, start (in minutes since 1970), sum and count of each span of that length."""
    start = (pl.col("time") // (MINUTE_MICROSECONDS * minutes) * minutes).alias("start")
    grouped = frame.group_by("machine_id", start).agg(pl.col(SCORE).sum(), pl.len().alias("n"))
    return grouped.iter_rows()


def _merge(buckets: Buckets, start: int, total: int, count: int) -> None:
    old_total, old_count = buckets.get(start, (0, 0))
    buckets[start] = (old_total + total, old_count + count)
