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
