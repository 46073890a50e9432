"""The emulators of a repetition: ministack for all, kinesis-local where shards are resharded."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lake_local import emulator as ministack
from lake_local.ports import free_port
from lake_local.processes import Child, Processes, Program
from tests.faults.waiting import until

REGION: Final = "us-east-1"
READY_SECONDS: Final = 60
_PACKAGE: Final = Path(__file__).parent / "kinesis_local"
_INSTALLED: Final = Path(__file__).parents[2] / ".cache" / "kinesis-local"
CREDENTIALS: Final = {
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}


def client(service: str, port: int) -> Any:
    """Return a boto3 client of what listens on a port of this machine."""
    return boto3.client(
        service,
        endpoint_url=ministack.endpoint(port),
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        # No retry: a record that is put twice would be the harness' own duplicate.
        config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
    )


class Ministack:
    """An emulator whose state outlives a SIGTERM."""

    def __init__(self, processes: Processes, directory: Path) -> None:
        self.port = free_port()
        self._processes = processes
        program = ministack.program(self.port, directory, ministack.system_environment())
        environment = {**program.environment, "PERSIST_STATE": "1"}
        self._program = dataclasses.replace(program, environment=environment, grace_seconds=30.0)
        self._child: Child | None = None

    def start(self) -> None:
        """Start and wait until it answers."""
        self._child = self._processes.start(self._program)
        until(lambda: ministack.answers(self.port), READY_SECONDS, "ministack answers")

    def stop(self) -> None:
        """Stop with the state saved; the group's other processes end too."""
        if self._child:
            self._child.process.send_signal(signal.SIGTERM)
            self._child.process.wait(timeout=30)
            self._processes.stop(self._program.name)


class KinesisLocal:
    """A Kinesis that reshards as AWS does (parents end, then children start)."""

    def __init__(self, processes: Processes, directory: Path) -> None:
        self.port = free_port()
        self._processes = processes
        self._directory = directory

    def start(self) -> None:
        """Start and wait until it answers."""
        package = _INSTALLED / "node_modules" / "kinesis-local"
        self._directory.mkdir(parents=True, exist_ok=True)
        shutil.copy(package / "server.json", self._directory)  # it looks for it where it runs
        environment = ministack.system_environment() | {
            "KINESIS_MOCK_PLAIN_PORT": str(self.port),
            "KINESIS_MOCK_TLS_PORT": str(free_port()),
            "LOG_LEVEL": "ERROR",
        }
        script = f"cd '{self._directory}' && exec node '{package / 'main.js'}'"
        command = ["/bin/sh", "-c", script]
        self._processes.start(Program("kinesis-local", command, environment, cure="see its log"))
        kinesis = client("kinesis", self.port)
        until(lambda: _answers(kinesis), READY_SECONDS, "kinesis-local answers")
        kinesis.close()


def _answers(kinesis: Any) -> bool:
    try:
        kinesis.list_streams()
    except (BotoCoreError, ClientError):
        return False
    return True


def missing_kinesis_local() -> str | None:
    """Install kinesis-local where npm is; return why it cannot be had, or None."""
    if (_INSTALLED / "node_modules" / "kinesis-local" / "main.js").exists():
        return None
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return "npm and node are not installed (kinesis-local is the emulator that reshards)"
    _INSTALLED.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_PACKAGE / name, _INSTALLED)
    done = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=_INSTALLED, capture_output=True, text=True, timeout=180, check=False, env=os.environ,
    )  # fmt: skip
    return None if done.returncode == 0 else f"npm ci failed: {done.stderr.strip()[-200:]}"
