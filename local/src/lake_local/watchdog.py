"""Outlives the runner by a moment: when that dies without a word, kills what it had started.

Reads lines on stdin: `+PGID` a group was started, `-PGID` it has ended, `done` all is well. The
end of input without `done` is the runner's death (kill -9): every group left gets SIGKILL.
Standard library alone, so that it starts in milliseconds.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress


def groups_left(lines: Iterable[str]) -> set[int]:
    """Return the groups to kill once the input has ended."""
    groups: set[int] = set()
    for line in lines:
        word = line.strip()
        if word == "done":
            return set()
        if word.startswith("+"):
            groups.add(int(word[1:]))
        elif word.startswith("-"):
            groups.discard(int(word[1:]))
    return groups


def main() -> None:
    """Watch until the input ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for group in groups_left(sys.stdin):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
