"""Port to the lake's bucket, as the follower reads it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One line of a listing."""

    key: str
    size: int  # bytes
    written_milliseconds: int  # since 1970 UTC, by the store's clock


@dataclass(frozen=True, slots=True)
class Tagged:
    """An object and the tag of this content: another content has another tag."""

    body: bytes
    etag: str


class LakeReader(Protocol):
    """Reads a bucket. Any method may raise TransientError: nothing was read, try again later."""

    def list(self, prefix: str, after: str = "") -> Iterable[StoredObject]:
        """Yield the objects under a prefix in the order of their keys, those after a key only."""
        ...

    def read(self, key: str) -> bytes:
        """Return a whole object.

        Raises:
            UnreadableObject: it is gone.
        """
        ...

    def read_other(self, key: str, etag: str | None) -> Tagged | None:
        """Return an object unless it is still the one with that tag; None also where none is.

        Raises:
            UnreadableObject: it is there and may not be read.
        """
        ...
