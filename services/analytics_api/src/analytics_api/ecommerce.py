"""The mergeable state of the customers: sums and counts of whole numbers, in any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from analytics_api.frames import SCORE, hundredths, latest_rows, order_of


@dataclass(slots=True)
class Customer:
    """One customer: score and segment are those of the latest purchase."""

    customer_id: str
    latest: dict[str, Any]
    purchases: int = 0
    amount_cents: int = 0

    @property
    def score(self) -> int:
        """The value score in hundredths."""
        return int(self.latest[SCORE])

    @property
    def segment(self) -> str:
        """The segment of that score."""
        return str(self.latest["customer_segment"])


class EcommerceState:
    """All customers and the totals over all purchases."""

    def __init__(self) -> None:
        self.customers: dict[str, Customer] = {}
        self.changed: set[str] = set()  # customers, since their items were last made
        self.purchases = 0
        self.amount_cents = 0
        self.satisfaction_sum = 0
        self.categories: dict[str, int] = {}
        self.channels: dict[str, tuple[int, int]] = {}  # (sum of hundredths, count)

    def add(self, frame: pl.DataFrame) -> None:
        """Take purchases, each once."""
        if frame.is_empty():
            return
        frame = frame.with_columns(hundredths("purchase_amount").alias("cents"))
        self.purchases += frame.height
        self.amount_cents += int(frame["cents"].sum())
        self.satisfaction_sum += int(frame["customer_satisfaction"].cast(pl.Int64).sum())
        for category, count in frame.group_by("purchase_category").len().iter_rows():
            self.categories[category] = self.categories.get(category, 0) + count
        self._add_channels(frame)
        for row in latest_rows(frame, "customer_id"):
            self._take_latest(row)
        totals = frame.group_by("customer_id").agg(pl.len().alias("n"), pl.col("cents").sum())
        for customer_id, count, cents in totals.iter_rows():
            customer = self.customers[customer_id]
            customer.purchases += count
            customer.amount_cents += cents
            self.changed.add(customer_id)

    def _add_channels(self, frame: pl.DataFrame) -> None:
        grouped = frame.group_by("purchase_channel").agg(pl.col(SCORE).sum(), pl.len().alias("n"))
        for channel, total, count in grouped.iter_rows():
            old_total, old_count = self.channels.get(channel, (0, 0))
            self.channels[channel] = (old_total + total, old_count + count)

    def _take_latest(self, row: dict[str, Any]) -> None:
        customer = self.customers.get(row["customer_id"])
        if customer is None:
            self.customers[row["customer_id"]] = Customer(row["customer_id"], row)
        elif order_of(row) > order_of(customer.latest):
            customer.latest = row
