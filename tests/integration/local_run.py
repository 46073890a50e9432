"""Starts `python -m lake_local` as `make` does, in a directory of its own, and looks after it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

CHECKOUT = Path(__file__).resolve().parents[2]
PYTHON = CHECKOUT / ".venvs" / "local" / "bin" / "python"
MANUFACTURING_ROWS = 2000
ECOMMERCE_ROWS = 100


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run has its lake and its data."""

    directory: Path

    @property
    def lake(self) -> Path:
        return self.directory / ".lake"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def environment(self, **more: str) -> dict[str, str]:
        kept = {
            name: os.environ[name] for name in ("PATH", "HOME", "JAVA_HOME") if name in os.environ
        }
        return {
            **kept,
            "LAKE_DIRECTORY": str(self.lake),
            "LAKE_DATA_DIRECTORY": str(self.data),
            "LAKE_MANUFACTURING_ROWS": str(MANUFACTURING_ROWS),
            "LAKE_ECOMMERCE_ROWS": str(ECOMMERCE_ROWS),
            "LAKE_MAX_AGE_SECONDS": "1",
            **more,
        }

    def call(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [PYTHON, "-m", "lake_local", *arguments],
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    @contextmanager
    def started(self, *arguments: str, **more: str) -> Iterator[subprocess.Popen[str]]:
        """Start a command; whatever a test does, it is stopped at the end."""
        process = subprocess.Popen(
            [PYTHON, "-m", "lake_local", *arguments],
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=30)

    def api(self) -> str:
        """Return the API's address of the lake that runs here."""
        facts = msgspec.json.decode(
            (self.lake / "run.json").read_bytes(), type=dict[str, str | int]
        )
        return str(facts["api"])


def descendants(pid: int) -> set[int]:
    """Return every process that came from one."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found.update(children)
        waiting += children
    return found


def alive(pids: set[int]) -> set[int]:
    """Return those that still run."""
    return {
        pid
        for pid in pids
        if (stat := Path(f"/proc/{pid}/stat")).exists()
        and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    }
