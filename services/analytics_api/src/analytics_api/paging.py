"""Pages of a list: after the last key seen, never by an offset."""

from __future__ import annotations

import base64
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any, Final

import msgspec

from analytics_api.problems import field_problem

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
Item = dict[str, Any]
Key = tuple[Any, ...]


def page(
    placed: Sequence[tuple[Key, Item]],
    limit: int,
    cursor: str | None,
    shape: str,
    *,
    backwards: bool = False,
    wanted: Callable[[Key, Item], bool] = lambda _, __: True,
) -> dict[str, Any]:
    """Return a page of items, which stand with their keys in the order of those.

    `shape` names list and order: a cursor fits no other. `backwards` begins at the end.

    Raises:
        Problem: 422, the cursor is not one of this list.
    """
    after = _decode(cursor, shape) if cursor is not None else None
    places = _places(placed, after, backwards=backwards)
    found = ((key, item) for key, item in map(placed.__getitem__, places) if wanted(key, item))
    chosen = list(islice(found, limit + 1))
    more = len(chosen) > limit
    chosen = chosen[:limit]
    return {
        "items": [item for _, item in chosen],
        "next_cursor": _encode(chosen[-1][0], shape) if more else None,
    }


def _places(placed: Sequence[tuple[Key, Item]], after: Key | None, *, backwards: bool) -> range:
    try:
        if backwards:
            end = len(placed) if after is None else bisect_left(placed, after, key=itemgetter(0))
            return range(end - 1, -1, -1)
        start = 0 if after is None else bisect_right(placed, after, key=itemgetter(0))
        return range(start, len(placed))
    except TypeError:  # its parts are of other types than this list's keys
        raise _bad_cursor() from None


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
