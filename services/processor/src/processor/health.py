"""Whether the children of a processor are alive: each touches its heartbeat twice a second."""

from __future__ import annotations

from pathlib import Path
from typing import Final

STALE_SECONDS: Final = 240  # longer than the deadline of a store that does not answer


def problem(heartbeats: Path, now: float) -> str | None:
    """Return what is wrong, or None. No heartbeat at all is right for a worker without a lease.

    `now` is in seconds since 1970.
    """
    if not heartbeats.is_dir():
        return f"{heartbeats} does not exist: the processor has not started"
    for file in sorted(heartbeats.iterdir()):
        age = now - file.stat().st_mtime
        if age > STALE_SECONDS:
            return f"{file.name} has not been heard of for {age:.0f} s"
    return None
