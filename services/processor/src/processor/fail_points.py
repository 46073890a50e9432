"""Named points at which a child kills itself, once: how the fault matrix meets exact moments.

Set by `PROCESSOR_FAIL_POINT=<name>:<n>`. A deployed processor refuses to start with it.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from lake_core.errors import SettingsError
from lake_core.layout import PROCESSED, QUARANTINE
from processor.lake_store import LakeStore

log = logging.getLogger(__name__)
MARKER: Final = "fail-point-reached"
_ECS_TASK: Final = "ECS_CONTAINER_METADATA_URI_V4"  # set by ECS in every container


class Moment(StrEnum):
    """The points of the write path that have a name."""

    BEFORE_LAKE_OBJECT = "before-lake-object"  # the quarantine object exists, the range does not
    AFTER_LAKE_OBJECT = "after-lake-object"  # the range exists, no checkpoint says so


@dataclass(frozen=True, slots=True)
class FailPoint:
    """Die at a moment when it comes for the `count`-th time in one process."""

    moment: Moment
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `<name>:<n>`.

        Raises:
            ValueError: says what is expected.
        """
        name, _, count = text.partition(":")
        if name not in set(Moment) or not count.isdecimal() or int(count) < 1:
            raise ValueError(f"expected <name>:<n>, n from 1, name one of {', '.join(Moment)}")
        return cls(Moment(name), int(count))


def refuse_where_deployed(
    point: FailPoint | None, *, deployed: bool, environment: Mapping[str, str]
) -> None:
    """Stop a deployed processor that has a fail point.

    Raises:
        SettingsError: names what says that it is deployed.
    """
    if point is None or not (deployed or _ECS_TASK in environment):
        return
    reason = "PROCESSOR_DEPLOYED" if deployed else _ECS_TASK
    raise SettingsError(
        f"PROCESSOR_FAIL_POINT is for tests, and {reason} says this is deployed: remove it"
    )


def kill_self() -> None:
    """End this process as `kill -9` does: nothing is flushed, nobody is told."""
    os.kill(os.getpid(), signal.SIGKILL)


class FailingLakeStore:
    """A `LakeStore` that dies at a fail point, once in the life of a state directory."""

    def __init__(
        self, store: LakeStore, point: FailPoint, directory: Path, die: Callable[[], None]
    ) -> None:
        self._store = store
        self._point = point
        self._marker = directory / MARKER
        self._die = die
        self._count = 0
        self._quarantined = False  # the last object written is a quarantine object

    def list_keys(self, prefix: str) -> list[str]:
        """See `LakeStore`."""
        return self._store.list_keys(prefix)

    def read_tail(self, key: str, length: int) -> bytes | None:
        """See `LakeStore`."""
        return self._store.read_tail(key, length)

    def read(self, key: str) -> bytes | None:
        """See `LakeStore`."""
        return self._store.read(key)

    def put(self, key: str, body: bytes) -> None:
        """See `LakeStore`."""
        self._store.put(key, body)
        self._quarantined = key.startswith(QUARANTINE)

    def put_if_absent(self, key: str, body: bytes) -> bool:
        """See `LakeStore`. Both moments are here."""
        if self._quarantined:
            self._reach(Moment.BEFORE_LAKE_OBJECT)
        self._quarantined = False
        written = self._store.put_if_absent(key, body)
        if written and key.startswith(PROCESSED):
            self._reach(Moment.AFTER_LAKE_OBJECT)
        return written

    def _reach(self, moment: Moment) -> None:
        if moment is not self._point.moment:
            return
        self._count += 1
        if self._count >= self._point.count and self._claim():
            log.warning("fail point %s reached", moment)
            self._die()

    def _claim(self) -> bool:
        """Be the one that dies: the marker stays, so a restart goes on."""
        try:
            self._marker.touch(exist_ok=False)
        except FileExistsError:
            return False
        return True
