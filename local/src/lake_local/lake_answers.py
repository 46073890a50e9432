"""Reads what the local lake needs out of the API's answers (contract section 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lake_core.names import Domain


@dataclass(frozen=True, slots=True)
class Figures:
    """What the lake holds of a domain, by the footers of its ranges."""

    rows: int
    unusable: int


def lag_seconds(insights: Any) -> float | None:
    """Return how far an answer is behind what has arrived."""
    freshness = insights.get("freshness") if isinstance(insights, Mapping) else None
    lag = freshness.get("lag_seconds") if isinstance(freshness, Mapping) else None
    return float(lag) if isinstance(lag, int | float) else None


def lake_figures(lake: Any) -> dict[Domain, Figures]:
    """Return rows and unusable entries per domain out of `/v1/lake`.

    Its shape: `{"zones": {"processed": {"manufacturing": {"objects", "bytes", "rows",
    "unusable_entries", "bytes_per_row", "payload_bytes", "compression_ratio"}, …}, …}}`.
    """
    processed = lake["zones"]["processed"]
    return {
        domain: Figures(processed[domain]["rows"], processed[domain]["unusable_entries"])
        for domain in Domain
        if domain in processed
    }


def producer_duplicates(integrity: Any, domain: Domain) -> int:
    """Return how many events of a domain came twice by the producer, out of `/v1/lake/integrity`.

    A put whose outcome is unknown is sent again: counted here, and served once.
    """
    return sum(
        shard["producer_duplicates"] for shard in integrity["shards"] if shard["domain"] == domain
    )
