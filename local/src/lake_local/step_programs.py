"""A step of the workflow as a program: its command line, its run, and what became of it."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lake_core.errors import InputError
from lake_core.names import ETL_JOBS
from lake_local.log_lines import last_entry, last_lines

POLL_SECONDS: Final = 0.1
TERMINATE_SECONDS: Final = 8.0  # from SIGTERM to SIGKILL
CAUSE_LINES: Final = 12
CAUSE_CHARACTERS: Final = 4000  # Step Functions takes 32,768
TRY_AGAIN: Final = 75  # EX_TEMPFAIL: how a program ends on a transient error
_ROUTINE: Final = ("time", "service", "level", "logger")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended."""

    code: int
    seconds: float
    said: Mapping[str, Any]  # its last log line
    tail: Sequence[str]  # its last lines, readable

    @property
    def output(self) -> str:
        """The step's result as JSON."""
        result = {key: value for key, value in self.said.items() if key not in _ROUTINE}
        return json.dumps({**result, "seconds": round(self.seconds, 1)})

    @property
    def error(self) -> str:
        """The name of the error: by it the workflow decides whether to try again."""
        return "TransientError" if self.code == TRY_AGAIN else "StepFailed"

    @property
    def cause(self) -> str:
        """Why it failed, in the program's own words."""
        said = str(self.said.get("message", "")) or "it said nothing"
        return "\n".join([f"exit code {self.code}: {said}", *self.tail])[:CAUSE_CHARACTERS]


@dataclass(frozen=True, slots=True)
class StepPrograms:
    """Starts the programs of the steps, each in the interpreter of its member.

    A step gets the very arguments that the workflow gives to Glue or ECS on AWS.
    """

    glue: Path
    analytics_api: Path
    environment: Mapping[str, str]
    logs: Path

    def command(self, name: str, told: Mapping[str, Any]) -> list[str]:
        """Return the command line of a step.

        Raises:
            InputError: the workflow tells it something else than is agreed.
        """
        try:
            if name in ETL_JOBS.values():
                domain = next(d for d, job in ETL_JOBS.items() if job == told["JobName"])
                words = [word for pair in told.get("Arguments", {}).items() for word in pair]
                return [str(self.glue), "-m", "lake_glue", "etl", "--domain", domain, *words]
            (override,) = told["Overrides"]["ContainerOverrides"]
            return [str(self.analytics_api), "-m", "analytics_api", *override["Command"]]
        except (KeyError, StopIteration, TypeError, ValueError) as error:
            raise InputError(f"{name} does not understand what it is told: {told}") from error

    def run(self, name: str, told: Mapping[str, Any], stop: threading.Event) -> Outcome:
        """Run a step to its end; it is terminated when `stop` is set.

        Raises:
            InputError: it cannot be started.
        """
        command, began = self.command(name, told), time.monotonic()
        path = self.logs / f"{name}.log"
        with path.open("ab") as file:
            start = file.tell()
            try:
                process = subprocess.Popen(  # noqa: S603 - our own programs
                    command, env=dict(self.environment), stdin=subprocess.DEVNULL,
                    stdout=file, stderr=subprocess.STDOUT,
                )  # fmt: skip
            except OSError as error:
                raise InputError(f"{name}: {command[0]} cannot be started: {error}") from error
        _wait(process, stop)
        code, seconds = process.wait(), time.monotonic() - began
        return Outcome(
            code, seconds, last_entry(path, start) or {}, last_lines(path, CAUSE_LINES, start)
        )


def _wait(process: subprocess.Popen[bytes], stop: threading.Event) -> None:
    while process.poll() is None:
        if stop.wait(POLL_SECONDS):
            process.terminate()
            try:
                process.wait(TERMINATE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            return
