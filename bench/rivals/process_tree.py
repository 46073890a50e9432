"""What a process and all that descend from it use: CPU seconds, and memory that is theirs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PSS: Final = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)
# Fields of /proc/<pid>/stat after the name: parent; user and system time, its own and its dead
# children's.
_PARENT, _OWN_TIMES, _TIMES = 1, slice(11, 13), slice(11, 15)


def cpu_seconds(root: int) -> float:
    """User and system time of the tree, what its ended children used included."""
    return sum(sum(int(t) for t in stat[_TIMES]) for _, stat in _tree(root)) / _TICKS


def own_cpu_seconds(pid: int) -> float:
    """The same of one process, without its children."""
    return sum(int(time) for time in _stat(pid)[_OWN_TIMES]) / _TICKS


def megabytes(root: int) -> float:
    """Proportional set size of the tree: a page that is shared counts once."""
    total = 0
    for pid, _ in _tree(root):
        try:
            found = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it has ended
        total += int(found[1]) if found else 0
    return total / 1024


def _tree(root: int) -> Iterator[tuple[int, list[str]]]:
    stats = {pid: stat for pid in _processes() if (stat := _stat(pid))}
    for pid, stat in stats.items():
        above: int | None = pid
        while above is not None and above != root:
            above = int(stats[above][_PARENT]) if above in stats else None
        if above == root:
            yield pid, stat


def _processes() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
