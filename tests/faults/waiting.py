"""Waiting with a deadline that names what it waits for."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], bool], seconds: float, what: str, every: float = 0.2) -> float:
    """Wait for a condition; return how long it took.

    Raises:
        TimeoutError: names what did not come.
    """
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(every)
    return time.monotonic() - began
