"""The original system's claim about its storage, worked out whole, beside this layout."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from lake_infra.cost.load import GB, Load
from lake_infra.cost.prices import Prices, between

CLAIMED_USD: Final = 0.004  # a month
CLAIMED_OBJECTS: Final = 29_289
LEAST_IA_BYTES: Final = 128 * 1024
ORIGINAL_EVENTS_PER_DAY: Final = 101_000


@dataclass(frozen=True, slots=True)
class Storage:
    """Objects and what they cost: once to write, each month to keep."""

    what: str
    objects: int
    gigabytes: float
    put_usd: float
    month_usd: float


def original(prices: Prices) -> list[Storage]:
    """Return the claim, and the same objects with all that S3 bills for them."""
    gigabytes = CLAIMED_USD / prices["s3_gb_month"]  # what 0.004 USD a month buys
    put = CLAIMED_OBJECTS / 1e3 * prices["s3_put_thousand"]
    tiered = CLAIMED_OBJECTS * LEAST_IA_BYTES / GB
    return [
        Storage("as claimed: bytes alone", CLAIMED_OBJECTS, gigabytes, 0.0, CLAIMED_USD),
        Storage("the same objects, Standard", CLAIMED_OBJECTS, gigabytes, put, CLAIMED_USD),
        Storage(
            "the same objects, Standard-IA (128 KB each)", CLAIMED_OBJECTS, tiered, put,
            tiered * prices["s3_ia_gb_month"],
        ),
    ]  # fmt: skip


def under_this_layout(load: Load, prices: Prices) -> list[Storage]:
    """Return the same events as ranges of a minute, and after the ETL as curated files."""
    events = original(prices)[0].gigabytes * GB / load.measured.json_bytes
    days = events / load.events_per_day
    row = between(load.measured.range_bytes_a_row, load.rows_a_range)
    dense = min(load.measured.range_bytes_a_row.values())
    ranges = math.ceil(events / load.rows_a_range)
    files = math.ceil(days) * 2  # a day and domain
    return [
        _stored("ranges of processed/, a minute each", ranges, events * row, prices),
        _stored("curated tables, a file a day", files, events * dense, prices),
    ]


def _stored(what: str, objects: int, size: float, prices: Prices) -> Storage:
    put = objects / 1e3 * prices["s3_put_thousand"]
    return Storage(what, objects, size / GB, put, size / GB * prices["s3_gb_month"])
