"""Answers as bytes, made before anybody asks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from analytics_api.instants import text_of_seconds

_encoder: Final = msgspec.json.Encoder()
ETAG_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class Prepared:
    """A body and the ETag of its content."""

    body: bytes
    etag: bytes


def encode(content: Any) -> bytes:
    """Return JSON."""
    return _encoder.encode(content)


def etag_of(content: bytes) -> bytes:
    """Return the ETag of a content."""
    return b'"' + hashlib.sha256(content).hexdigest()[:ETAG_DIGITS].encode() + b'"'


def prepare(content: dict[str, Any], freshness: dict[str, Any] | None = None) -> Prepared:
    """Make an answer. What changes with the clock alone is not in the ETag."""
    body = encode(content)
    if freshness is None:
        return Prepared(body, etag_of(body))
    whole = body[:-1] + b',"freshness":' + encode(freshness) + b"}"
    return Prepared(whole, etag_of(body + encode(_lasting(freshness))))


def _lasting(freshness: dict[str, Any]) -> dict[str, Any]:
    """Return what does not change with the clock alone."""
    return {
        key: _lasting(value) if isinstance(value, dict) else value
        for key, value in freshness.items()
        if key not in {"as_of", "lag_seconds"}
    }


def freshness_of(through: int | None, now: float, sources: Sequence[str]) -> dict[str, Any]:
    """Return how fresh an answer is; `through` in ms, `now` in seconds since 1970."""
    return {
        "as_of": text_of_seconds(now),
        "data_through": None if through is None else text_of_seconds(through / 1000),
        "lag_seconds": None if through is None else round(max(0.0, now - through / 1000), 3),
        "sources": list(sources),
    }
