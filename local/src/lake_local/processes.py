"""Supervision: starts each part in a process group of its own and leaves none behind.

Nothing is started again silently: a part that ends by itself is an error with its name, its last
log lines and its cure.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from lake_core.errors import LakeError
from lake_local import watchdog
from lake_local.log_lines import last_lines

POLL_SECONDS: Final = 0.05
LOG_LINES_SHOWN: Final = 8


class ChildFailed(LakeError):  # noqa: N818 - what happened, in the words of the message
    """A part ended that should not have, or ended badly."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to start: a part, its command line and its whole environment."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    cure: str
    ends: bool = False  # a task that ends by itself, as against a service
    grace_seconds: float = 3.0  # from SIGTERM to SIGKILL


@dataclass(slots=True)
class Child:
    """A started program."""

    program: Program
    process: subprocess.Popen[bytes]
    log: Path
    started: float = field(default_factory=time.monotonic)

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    @property
    def succeeded(self) -> bool:
        return self.process.poll() == 0

    def failure(self) -> str | None:
        """Return what to tell a person if the child ended otherwise than it should."""
        code = self.process.poll()
        if code is None or (self.program.ends and code == 0):
            return None
        how = (
            f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        )
        lines = "".join(f"\n    {line}" for line in last_lines(self.log, LOG_LINES_SHOWN))
        said = f"; its last lines:{lines}" if lines else "; it said nothing"
        return f"{self.program.name} {how}{said}\n  log:  {self.log}\n  cure: {self.program.cure}"


class Processes:
    """All children of a run. As a context: none is left at its end, however it ends."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: dict[str, Child] = {}
        self._watchdog: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        self._watchdog = subprocess.Popen(  # noqa: S603 - our own file
            [sys.executable, "-I", "-S", str(Path(watchdog.__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for child in list(self._children.values()):
            self._end(child)
        self._tell("done")
        if self._watchdog and self._watchdog.stdin:
            with suppress(OSError):
                self._watchdog.stdin.close()
            self._watchdog.wait()

    def start(self, program: Program) -> Child:
        """Start a program; its output goes to `<name>.log`."""
        log = self._logs / f"{program.name}.log"
        with log.open("ab") as output:
            child = Child(program, _spawn(program, output), log)
        self._tell(f"+{child.process.pid}")
        self._children[program.name] = child
        return child

    def check(self) -> None:
        """Look at every child.

        Raises:
            ChildFailed: names the first that ended otherwise than it should.
        """
        for child in list(self._children.values()):
            if failure := child.failure():
                raise ChildFailed(failure)
            if not child.running:
                self._end(child)

    def stop(self, *names: str, hurry: Callable[[], bool] = lambda: False) -> None:
        """Ask the named children to end, all at once; after its grace each is killed.

        `hurry` is asked all along: once true, nobody is waited for any longer.
        """
        children = [self._children[name] for name in names if name in self._children]
        asked = time.monotonic()
        for child in children:
            # The leader alone: it hands over (a JVM asks its children itself).
            with suppress(ProcessLookupError):
                child.process.terminate()
        while any(
            child.running and time.monotonic() - asked < child.program.grace_seconds
            for child in children
        ):
            if hurry():
                break
            time.sleep(POLL_SECONDS)
        for child in children:
            self._end(child)

    def running(self) -> Iterable[Child]:
        """Return the children that have not ended."""
        return [child for child in self._children.values() if child.running]

    def _end(self, child: Child) -> None:
        """Kill what is left of a child's group, reap it and forget it."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()
        self._tell(f"-{child.process.pid}")
        self._children.pop(child.program.name, None)

    def _tell(self, line: str) -> None:
        if self._watchdog and self._watchdog.stdin:
            with suppress(OSError):
                self._watchdog.stdin.write(line.encode() + b"\n")
                self._watchdog.stdin.flush()


def _spawn(program: Program, output: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - our own parts
            program.command,
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the runner alone, which stops them in order
        )
    except OSError as error:
        raise ChildFailed(
            f"{program.name} cannot be started: {program.command[0]}: {error.strerror}\n"
            f"  cure: {program.cure}"
        ) from error
