"""The mergeable state of the customers: sums and counts of whole numbers, in any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from analytics_api.frames import (
    HISTORY_DAYS,
    SCORE,
    day,
    first_rows,
    hundredths,
    latest_rows,
    order_of,
)
from analytics_api.sums import Sums, drop_before, merge_rows
from lake_core.schema import SEGMENT_COLUMN


@dataclass(slots=True)
class Customer:
    """One customer: score and segment are those of the latest purchase."""

    customer_id: str
    latest: dict[str, Any]
    first_order: tuple[Any, ...]  # of the first purchase, by the order of events
    first_segment: str
    purchases: int = 0
    amount_cents: int = 0

    @property
    def score(self) -> int:
        """The value score in hundredths."""
        return int(self.latest[SCORE])

    @property
    def segment(self) -> str:
        """The segment of that score."""
        return str(self.latest[SEGMENT_COLUMN])


class EcommerceState:
    """All customers and the totals over all purchases."""

    def __init__(self) -> None:
        self.customers: dict[str, Customer] = {}
        self.changed: set[str] = set()  # customers, since their items were last made
        self.purchases = 0
        self.amount_cents = 0
        self.satisfaction_sum = 0
        # (Category, channel) → purchases, cents, scores (hundredths)
        self.mix: dict[tuple[str, str], Sums] = {}
        # Day → purchases, cents, scores (hundredths), satisfaction
        self.days: dict[int, Sums] = {}

    def add(self, frame: pl.DataFrame) -> None:
        """Take purchases, each once."""
        if frame.is_empty():
            return
        frame = frame.with_columns(pl.col("customer_satisfaction").cast(pl.Int64))
        cents = hundredths("purchase_amount").alias("cents")
        self.purchases += frame.height
        self.amount_cents += int(frame.select(cents.sum()).item())
        self.satisfaction_sum += int(frame["customer_satisfaction"].sum())
        sums = (pl.len().alias("n"), cents.sum(), pl.col(SCORE).sum())
        mix = frame.group_by("purchase_category", "purchase_channel").agg(*sums)
        merge_rows(self.mix, mix.iter_rows(), keys=2)
        days = frame.group_by(day()).agg(*sums, pl.col("customer_satisfaction").sum())
        merge_rows(self.days, days.iter_rows())
        drop_before(self.days, max(self.days) - HISTORY_DAYS + 1)
        self._add_customers(frame, cents)

    @property
    def entities(self) -> dict[str, Customer]:
        """What `changed` names."""
        return self.customers

    def _add_customers(self, frame: pl.DataFrame, cents: pl.Expr) -> None:
        firsts = {row["customer_id"]: row for row in first_rows(frame, "customer_id")}
        for row in latest_rows(frame, "customer_id"):
            self._take_ends(firsts[row["customer_id"]], row)
        totals = frame.group_by("customer_id").agg(pl.len().alias("n"), cents.sum())
        for customer_id, count, amount in totals.iter_rows():
            customer = self.customers[customer_id]
            customer.purchases += count
            customer.amount_cents += amount
            self.changed.add(customer_id)

    def _take_ends(self, first: dict[str, Any], latest: dict[str, Any]) -> None:
        number, segment = latest["customer_id"], str(first[SEGMENT_COLUMN])
        customer = self.customers.get(number)
        if customer is None:
            self.customers[number] = Customer(number, latest, order_of(first), segment)
            return
        if order_of(latest) > order_of(customer.latest):
            customer.latest = latest
        if order_of(first) < customer.first_order:
            customer.first_order, customer.first_segment = order_of(first), segment
