"""How large the zones are that nobody here reads: they are listed now and then."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from analytics_api.lake_reader import LakeReader, StoredObject
from lake_core.names import Domain

SIZES_SECONDS: Final = 15.0  # between listings; a page of 1,000 objects is one request
MEASURED_ZONES: Final = ("raw", "quarantine", "analytics")


@dataclass(slots=True)
class ZoneSize:
    """What a zone of the bucket holds."""

    objects: int = 0
    bytes: int = 0

    def add(self, size: int) -> None:
        """Count an object."""
        self.objects += 1
        self.bytes += size


class ZoneMeter:
    """Keeps `sizes`: what each measured zone holds of each domain."""

    def __init__(self, lake: LakeReader, clock: Callable[[], float]) -> None:
        self.sizes: dict[tuple[str, Domain], ZoneSize] = {}
        self._lake = lake
        self._clock = clock  # seconds since 1970
        self._measured = 0.0

    @property
    def due(self) -> bool:
        """Whether it is time to measure."""
        return self._clock() - self._measured >= SIZES_SECONDS

    def measure(self) -> bool:
        """List the zones; return whether a size has changed.

        Raises:
            TransientError: not now.
        """
        self._measured = self._clock()
        fresh = {
            (zone, domain): _size_of(self._lake.list(f"{zone}/{domain}/"))
            for zone in MEASURED_ZONES
            for domain in Domain
        }
        changed, self.sizes = fresh != self.sizes, fresh
        return changed


def _size_of(objects: Iterable[StoredObject]) -> ZoneSize:
    size = ZoneSize()
    for stored in objects:
        size.add(stored.size)
    return size
