"""The mergeable state of the machines: sums and counts of whole numbers, in any order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from analytics_api.alerts import AlertStore
from analytics_api.frames import (
    HISTORY_DAYS,
    SCORE,
    TIME,
    day,
    efficiencies_micro,
    hundredths,
    latest_rows,
    order_of,
)
from analytics_api.sums import Sums, drop_before, merge, merge_rows, total
from lake_core.names import Domain
from lake_core.rules import RuleSet
from lake_core.scoring import Risk, risk

MINUTE_MICROSECONDS: Final = 60_000_000
WINDOW_MINUTES: Final = 24 * 60  # the risk window
HOUR_MINUTES: Final = 60
HISTORY_HOURS: Final = 48
DAY_MINUTES: Final = 24 * 60
MAINTENANCE_LIFE: Final = 20  # predicted remaining life below which maintenance is expected
TERMS: Final = 4  # of the score
NO_WINDOW: Final = (0,) * (2 + TERMS)

# Start in minutes since 1970 → (sum of scores in hundredths, count, …)
Buckets = dict[int, Sums]


@dataclass(slots=True)
class Machine:
    """One machine."""

    machine_id: int
    latest: dict[str, Any]
    readings: int = 0
    score_sum: int = 0  # hundredths
    alerts: int = 0
    minutes: Buckets = field(default_factory=dict)  # … and the sum of each term, in hundredths
    hours: Buckets = field(default_factory=dict)
    days: Buckets = field(default_factory=dict)
    # What `minutes` add up to over `latest − 24 h < timestamp ≤ latest`
    window: Sums = NO_WINDOW

    def risk(self, rules: RuleSet) -> Risk:
        """Return the machine's risk."""
        return risk(self.window[0], self.window[1], rules)

    @property
    def needs_maintenance(self) -> bool:
        """Whether its latest reading predicts a maintenance."""
        return bool(
            self.latest["maintenance_required"] == 1
            or self.latest["predicted_remaining_life"] < MAINTENANCE_LIFE
        )

    def settle(self) -> None:
        """Drop buckets that no answer can use any more, and sum up the window."""
        last = self.latest[TIME] // MINUTE_MICROSECONDS
        drop_before(self.minutes, last - WINDOW_MINUTES + 1)
        drop_before(self.hours, last - HISTORY_HOURS * HOUR_MINUTES + 1)
        drop_before(self.days, last - HISTORY_DAYS * DAY_MINUTES + 1)
        self.window = total(self.minutes.values(), len(NO_WINDOW))


class ManufacturingState:
    """All machines and the totals over all readings."""

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self.terms = rules.scores[Domain.MANUFACTURING]
        self.machines: dict[int, Machine] = {}
        self.changed: set[int] = set()  # machines, since their items were last made
        self.alerts = AlertStore()
        self.readings = 0
        self.score_sum = 0  # hundredths
        self.efficiency_sum = 0  # millionths
        # Day → readings, scores (hundredths), efficiency (millionths), alerts, anomalies
        self.days: dict[int, Sums] = {}

    def add(self, frame: pl.DataFrame) -> None:
        """Take readings, each once."""
        if frame.is_empty():
            return
        efficiencies = efficiencies_micro(frame)
        self.readings += frame.height
        self.score_sum += int(frame[SCORE].sum())
        self.efficiency_sum += int(efficiencies.sum())
        for row in latest_rows(frame, "machine_id"):
            self._take_latest(row)
        alerting = frame.filter(pl.col(SCORE) >= self.rules.alert_at_least)
        self.alerts.add(alerting)
        self._count(frame, alerting)
        self._count_days(frame.with_columns(efficiencies))
        touched = frame["machine_id"].unique().to_list()
        for machine_id in touched:
            self.machines[machine_id].settle()
        self.changed.update(touched)

    @property
    def entities(self) -> dict[int, Machine]:
        """What `changed` names."""
        return self.machines

    def _take_latest(self, row: dict[str, Any]) -> None:
        machine = self.machines.get(row["machine_id"])
        if machine is None:
            self.machines[row["machine_id"]] = Machine(row["machine_id"], row)
        elif order_of(row) > order_of(machine.latest):
            machine.latest = row

    def _count(self, frame: pl.DataFrame, alerting: pl.DataFrame) -> None:
        machines, terms = self.machines, [hundredths(term.column) for term in self.terms]
        for machine_id, start, *sums in _buckets(_recent(frame, WINDOW_MINUTES), 1, *terms):
            merge(machines[machine_id].minutes, start, tuple(sums))
        recent = _recent(frame, HISTORY_HOURS * HOUR_MINUTES)
        for machine_id, start, *sums in _buckets(recent, HOUR_MINUTES):
            merge(machines[machine_id].hours, start, tuple(sums))
        for machine_id, start, scores, count in _buckets(frame, DAY_MINUTES):
            machine = machines[machine_id]
            machine.readings += count
            machine.score_sum += scores
            merge(machine.days, start, (scores, count))
        for machine_id, count in alerting.group_by("machine_id").len().iter_rows():
            machines[machine_id].alerts += count

    def _count_days(self, frame: pl.DataFrame) -> None:
        by_day = frame.group_by(day()).agg(
            pl.len(),
            pl.col(SCORE).sum(),
            pl.col("efficiency").sum(),
            (pl.col(SCORE) >= self.rules.alert_at_least).cast(pl.Int64).sum().alias("alerts"),
            (pl.col("anomaly_flag") == 1).cast(pl.Int64).sum().alias("anomalies"),
        )
        merge_rows(self.days, by_day.iter_rows())
        drop_before(self.days, max(self.days) - HISTORY_DAYS + 1)


def _recent(frame: pl.DataFrame, minutes: int) -> pl.DataFrame:
    """Return the rows that may lie in a machine's last minutes: others cost a bucket each."""
    start = pl.col(TIME) // MINUTE_MICROSECONDS
    return frame.filter(start > start.max().over("machine_id") - minutes - HOUR_MINUTES)


def _buckets(frame: pl.DataFrame, minutes: int, *more: pl.Expr) -> Iterable[tuple[int, ...]]:
    """Yield machine, start (in minutes since 1970), sum of scores, count, and further sums."""
    start = (pl.col(TIME) // (MINUTE_MICROSECONDS * minutes) * minutes).alias("start")
    sums = [expression.sum() for expression in more]
    by_start = frame.group_by("machine_id", start)
    return by_start.agg(pl.col(SCORE).sum(), pl.len().alias("n"), *sums).iter_rows()
