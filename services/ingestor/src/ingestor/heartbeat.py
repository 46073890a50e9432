"""Whether replays are alive: each touches a file while it gets on, and removes it at its end."""

from __future__ import annotations

from pathlib import Path
from typing import Final

STALE_SECONDS: Final = 240  # longer than one record may be refused before a replay gives up


class Heartbeat:
    """The heartbeat of one replay; without a directory there is none."""

    def __init__(self, directory: Path | None, stream: str) -> None:
        self._file = directory / stream if directory else None

    def beat(self) -> None:
        """Say that the replay gets on."""
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.touch()

    def end(self) -> None:
        """Say that there is nothing to wait for any more."""
        if self._file:
            self._file.unlink(missing_ok=True)


def problem(directory: Path | None, now: float) -> str | None:
    """Return what is wrong, or None; a process between two replays is well.

    `now` is in seconds since 1970.
    """
    for file in sorted(directory.iterdir()) if directory and directory.is_dir() else ():
        age = now - file.stat().st_mtime
        if age > STALE_SECONDS:
            return f"the replay to {file.name} has not got on for {age:.0f} s"
    return None
