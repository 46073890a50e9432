"""Starts the Glue jobs as the local lake does, and one Spark that runs many of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lake_core.names import Domain
from tests.aws import Aws

CHECKOUT = Path(__file__).resolve().parents[2]
PYTHON = CHECKOUT / ".venvs" / "glue" / "bin" / "python"
SECONDS = 180
COMPACTED_FROM = 8


def environment(aws: Aws) -> dict[str, str]:
    """What a job is started with."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "JAVA_HOME") if name in os.environ}
    return {**kept, **aws.env}


@dataclass(frozen=True, slots=True)
class Job:
    """A job that was started."""

    process: subprocess.Popen[bytes]
    log: Path

    def ends(self) -> int:
        """Wait for its end; return the exit code."""
        return self.process.wait(SECONDS)

    def kill(self) -> None:
        """Kill it and its JVM, as a machine that goes down does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(SECONDS)

    @property
    def said(self) -> list[dict[str, Any]]:
        """The lines of its log; what the JVM says is left out."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]


class Jobs:
    """Starts jobs on one emulator."""

    def __init__(self, aws: Aws, directory: Path) -> None:
        self._environment = environment(aws)
        self._directory = directory
        self._started: list[Job] = []

    def start(self, command: str, *options: str) -> Job:
        """Start `python -m lake_glue COMMAND OPTIONS`."""
        log = self._directory / f"{len(self._started)}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [str(PYTHON), "-m", "lake_glue", command, *options],
                env=self._environment, stderr=file, stdout=file, start_new_session=True,
            )  # fmt: skip
        self._started.append(Job(process, log))
        return self._started[-1]

    def etl(self, domain: Domain, run: str) -> Job:
        """Start a domain's ETL."""
        return self.start("etl", "--domain", domain, "--run_id", run)

    def end(self) -> None:
        """Leave none behind."""
        for job in self._started:
            if job.process.poll() is None:
                job.kill()


class WarmSpark:
    """One Spark in which ETLs are run one after another."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._runs = 0

    def etl(self, domain: Domain, *, compacted_from: int = COMPACTED_FROM) -> dict[str, Any]:
        """Run a domain's ETL; return its report."""
        return self._ask(domain, compacted_from)

    def compact_at_once(self, domain: Domain, times: int) -> list[int | str]:
        """Compact a domain's events so often at once; return how many files went, or why none."""
        put: list[int | str] = self._ask(domain, COMPACTED_FROM, times)["put_together"]
        return put

    def _ask(self, domain: Domain, compacted_from: int, compactions: int = 0) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._runs += 1
        wanted = {
            "domain": domain, "run_id": f"warm-{self._runs}", "compacted_from": compacted_from,
            "compactions": compactions,
        }  # fmt: skip
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the session ended; its log is beside the emulator's"
        report: dict[str, Any] = json.loads(line)
        return report


@contextmanager
def warm_spark(aws: Aws, directory: Path) -> Iterator[WarmSpark]:
    """Start it; it ends with the block."""
    script = CHECKOUT / "tests" / "integration" / "etl_session.py"
    with (
        (directory / "session.log").open("wb") as log,
        subprocess.Popen(
            [str(PYTHON), str(script)], env=environment(aws), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
        ) as process,
    ):  # fmt: skip
        try:
            yield WarmSpark(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
