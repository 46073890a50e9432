"""Port to `analytics/`, as the analytics tasks write it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from analytics_api.lake_reader import StoredObject, Tagged


class AnalyticsStore(Protocol):
    """Any method may raise TransientError: the outcome is unknown, look before trying again."""

    def find(self, key: str) -> Tagged | None:
        """Return an object; None where there is none."""
        ...

    def put(self, key: str, body: bytes) -> None:
        """Write an object whose key says its content: to write it twice changes nothing."""
        ...

    def replace(self, key: str, body: bytes, etag: str | None) -> bool:
        """Write where the object still has that tag (None: where there is none); else False."""
        ...

    def list(self, prefix: str) -> Iterable[StoredObject]:
        """Yield the objects under a prefix in the order of their keys."""
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; those that are gone already are no error."""
        ...
