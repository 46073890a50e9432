"""Unit prices and measurements, read from their files beside this module."""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Price:
    """USD for one unit; for a name that ends in `_share`, a part of another price."""

    usd: float
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Prices:
    """All unit prices of a region, and when they were known to hold."""

    region: str
    as_of: str
    by_name: Mapping[str, Price]

    def __getitem__(self, name: str) -> float:
        return self.by_name[name].usd

    @classmethod
    def read(cls) -> Self:
        """Read `prices.toml`."""
        raw = _toml("prices.toml")
        prices = {name: Price(**values) for name, values in raw["price"].items()}
        return cls(raw["region"], raw["as_of"], prices)


@dataclass(frozen=True, slots=True)
class Measured:
    """What of the model was measured; see `measured.toml`."""

    json_bytes: float
    stream_bytes_packed: float
    events_per_vcpu_second: float
    alert_share: float
    range_log_bytes: float
    image_gb: float
    lease_writes: float
    lease_reads: float
    lists_a_look: float
    range_bytes_a_row: Mapping[str, float]
    live_bytes_a_row: Mapping[str, float]

    @classmethod
    def read(cls) -> Self:
        """Read `measured.toml`."""
        return cls(**_toml("measured.toml"))


def between(measured: Mapping[str, float], rows: float) -> float:
    """Return the bytes of a row between two measurements, straight in the logarithm of rows."""
    points = sorted((math.log(float(key)), value) for key, value in measured.items())
    at = math.log(max(rows, 1.0))
    if at <= points[0][0]:
        return points[0][1]
    for (left, low), (right, high) in itertools.pairwise(points):
        if at <= right:
            return low + (high - low) * (at - left) / (right - left)
    return points[-1][1]


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads(files("lake_infra.cost").joinpath(name).read_text(encoding="utf-8"))
