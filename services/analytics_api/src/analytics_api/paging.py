"""Pages of a list: after the last key seen, never by an offset."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from analytics_api.problems import field_problem

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
Key = tuple[Any, ...]


def page(
    items: Iterable[tuple[Key, dict[str, Any]]],
    limit: int,
    cursor: str | None,
    shape: str,
    *,
    descending: bool = False,
) -> dict[str, Any]:
    """Return a page of items in the order given, each with its key, by which they are ordered.

    `shape` names list and order: a cursor fits no other.

    Raises:
        Problem: 422, the cursor is not one of this list.
    """
    after = _decode(cursor, shape) if cursor is not None else None
    chosen: list[tuple[Key, dict[str, Any]]] = []
    try:
        for key, item in items:
            if after is None or (key < after if descending else key > after):
                chosen.append((key, item))
                if len(chosen) > limit:
                    break
    except TypeError:  # its parts are of other types than this list's keys
        raise _bad_cursor() from None
    more = len(chosen) > limit
    chosen = chosen[:limit]
    return {
        "items": [item for _, item in chosen],
        "next_cursor": _encode(chosen[-1][0], shape) if more else None,
    }


def ordered(
    items: Iterable[dict[str, Any]], key: Callable[[dict[str, Any]], Key]
) -> list[tuple[Key, dict[str, Any]]]:
    """Return items with their keys, in order."""
    return sorted(((key(item), item) for item in items), key=lambda pair: pair[0])


def _encode(key: Key, shape: str) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode([shape, key])).decode().rstrip("=")


def _decode(cursor: str, shape: str) -> Key:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)
        named, key = msgspec.json.decode(raw, type=tuple[str, list[Any]])
    except (ValueError, msgspec.DecodeError, RecursionError):
        raise _bad_cursor() from None
    if named != shape:
        raise _bad_cursor()
    return tuple(key)


def _bad_cursor() -> Exception:
    return field_problem(
        "cursor", "not a cursor of this list and order; take next_cursor of its last page"
    )
