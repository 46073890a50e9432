"""`docker compose` over the repository's file, as a project of its own on free ports."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from lake_local.http_client import Answer, HttpClient
from lake_local.ports import free_port
from tests.integration.waiting import eventually

CHECKOUT: Final = Path(__file__).resolve().parents[2]
TAG: Final = "test"  # of the images that the tests build
ARRIVAL_SECONDS: Final = 180
UP_SECONDS: Final = 420  # on a machine that others share; about 40 s on an idle one


def why_no_engine() -> str | None:
    """Return why no container can be started here; None where one can."""
    if shutil.which("docker") is None:
        return "docker is not installed"
    asked = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return None if asked.returncode == 0 else asked.stderr.strip()


class Compose:
    """One project: everything of it goes at the end."""

    def __init__(self, name: str, *files: str, **variables: str) -> None:
        self.name = name
        self._files = ["docker-compose.yml", *files]
        port = free_port()
        self.variables = {"TAG": TAG, "PORT": str(port), "AWS_PORT": str(free_port()), **variables}
        self.api = HttpClient(f"http://127.0.0.1:{port}", timeout_seconds=10.0)

    def with_profile(self, profile: str) -> None:
        """Have every later command take in the services of a profile."""
        self.variables["COMPOSE_PROFILES"] = profile

    def run(
        self, *arguments: str, seconds: float = 60, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of compose to its end, however that is."""
        options = ["--ansi", "never", "--project-name", self.name]
        options += [word for file in self._files for word in ("--file", file)]
        return subprocess.run(
            ["docker", "compose", *options, *arguments],
            cwd=CHECKOUT, env={**_inherited(), **self.variables, **variables},
            capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip

    def up(self, *services: str, **variables: str) -> float:
        """Bring it up and wait until all is healthy; return how many seconds that took."""
        began = time.monotonic()
        done = self.run("up", "--wait", "--no-build", *services, seconds=UP_SECONDS, **variables)
        assert done.returncode == 0, f"{done.stderr[-2000:]}\n{self.logs()[-6000:]}"
        return time.monotonic() - began

    def logs(self, *services: str) -> str:
        """Return what the services have said so far."""
        said = self.run("logs", "--no-color", "--no-log-prefix", *services).stdout
        return said.replace("\x1b[2K", "")  # clears a terminal's line, where there is none

    def execute(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a service's container."""
        return self.run("exec", "-T", service, *command, seconds=180)

    def inspect(self, service: str) -> dict[str, Any]:
        """Return what the engine says of a service's container."""
        container = self.run("ps", "--all", "--quiet", service).stdout.strip()
        said = docker("inspect", container)
        found: dict[str, Any] = json.loads(said)[0]
        return found

    def get(self, path: str) -> Answer:
        """Ask the API."""
        return self.api.get(path)

    def readings(self) -> int:
        """Return how many readings are written: the insights hold what is live, too."""
        answer = self.get("/v1/lake")
        return int(answer.body["zones"]["processed"]["manufacturing"]["rows"]) if answer.ok else 0

    def wait_for_readings(self, count: int) -> None:
        """Wait until the API knows of so many readings that are written."""
        assert eventually(lambda: self.readings() >= count, ARRIVAL_SECONDS), self.logs()[-6000:]

    def down(self) -> None:
        """End everything and remove it, volumes too."""
        done = self.run("--profile", "*", "down", "--volumes", "--remove-orphans", seconds=180)
        assert done.returncode == 0, done.stderr


def docker(*arguments: str) -> str:
    """Run a docker command; return what it says."""
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _inherited() -> Mapping[str, str]:
    """Return this process's variables but for those that the compose file asks for."""
    asked = {"CSV_DIRECTORY", "PORT", "AWS_PORT", "TAG", "MANUFACTURING_ROWS", "ECOMMERCE_ROWS"}
    return {name: value for name, value in os.environ.items() if name not in asked}


@contextmanager
def lake(name: str, *files: str, **variables: str) -> Iterator[Compose]:
    """Give a project, and take everything of it down whatever happens."""
    project = Compose(name, *files, **variables)
    try:
        yield project
    finally:
        project.down()
