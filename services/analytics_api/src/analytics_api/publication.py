"""A version of what the analytics tasks make, and how it becomes the current one.

The order is the promise: the objects of the version first, then `current.json`, then old versions
go. A task that dies between any two of these leaves what was current as it was.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from analytics_api.analytics_store import AnalyticsStore
from analytics_api.current import Current, decode_current, encode_current
from analytics_api.lake_reader import Tagged
from lake_core.layout import current_key

log = logging.getLogger(__name__)
KEPT_VERSIONS: Final = 5  # an API that has just read current.json still finds what it names
DIGEST_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Held:
    """The version that counts now, and the tag of the object that says so."""

    current: Current | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A version with the objects it consists of, by key."""

    current: Current
    objects: dict[str, bytes] = field(default_factory=dict)


def version_of(made: dt.datetime, content: bytes) -> str:
    """Return a version's name: in the order of time, and no two contents have the same."""
    digest = hashlib.sha256(content).hexdigest()[:DIGEST_DIGITS]
    return f"{made.astimezone(dt.UTC):%Y%m%dT%H%M%S%fZ}-{digest}"


def held_version(store: AnalyticsStore, subject: str) -> Held:
    """Return what counts now.

    Raises:
        UnreadableObject: it is of a newer format; a task must not replace it.
    """
    key = current_key(subject)
    found: Tagged | None = store.find(key)
    if found is None:
        return Held()
    return Held(decode_current(found.body, key), found.etag)


def publish(store: AnalyticsStore, subject: str, make: Callable[[Held], Draft | None]) -> Current:
    """Make a version and let it count; return the one that counts in the end.

    `make` gets what counts now and returns None where that needs no successor. It is asked again
    where another task was quicker.
    """
    while True:
        held = held_version(store, subject)
        draft = make(held)
        if draft is None and held.current is not None:
            return held.current
        if draft is None:
            raise AssertionError("there is a version to make where there is none")
        if held.current is not None and draft.current.is_behind(held.current):
            continue  # read in between two commits of another's: what it read, we find now
        for key, body in draft.objects.items():
            store.put(key, body)
        if store.replace(current_key(subject), encode_current(draft.current), held.etag):
            _prune(store, draft.current)
            return draft.current
        log.info("another task was quicker: looking again", extra={"subject": subject})


def _prune(store: AnalyticsStore, current: Current) -> None:
    """Delete old versions; newer ones may be another task's, about to become current."""
    for key in (current.state, current.insights):
        if key is None:
            continue
        listed = store.list(key[: -len(PurePosixPath(key).name)])
        older = [stored.key for stored in listed if stored.key < key]
        store.delete(older[: -(KEPT_VERSIONS - 1)])
