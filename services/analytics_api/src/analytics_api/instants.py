"""Instants as the API writes them: ISO 8601, UTC, ending in Z."""

from __future__ import annotations

import datetime as dt
from typing import Final

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)


def text_of(moment: dt.datetime) -> str:
    """Return the text of an instant."""
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def text_of_microseconds(microseconds: int) -> str:
    """Return the text of an instant in whole microseconds since 1970."""
    return text_of(EPOCH + microseconds * _MICROSECOND)


def text_of_seconds(seconds: float) -> str:
    """Return the text of an instant in seconds since 1970, to the millisecond."""
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def microseconds_of(moment: dt.datetime) -> int:
    """Return whole microseconds since 1970; an instant without a zone is in UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return (aware - EPOCH) // _MICROSECOND


def refuse_numbers(text: str) -> str:
    """Return what is to be read as an instant.

    Raises:
        ValueError: a number, which pydantic would take for seconds or milliseconds since 1970.
    """
    try:
        float(text)
    except ValueError:
        return text
    raise ValueError("expected an instant as ISO 8601, not a number")
