"""Moments that several tests speak of."""

from __future__ import annotations

import datetime as dt

ARRIVAL = 1_795_459_132_361  # milliseconds since 1970 UTC


def moment(milliseconds: int) -> dt.datetime:
    """A time as a datetime."""
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
