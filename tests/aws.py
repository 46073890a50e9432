"""The AWS that tests talk to: an emulator of their own, or the one they are given.

`LAKE_TEST_ENDPOINT_URL` names an emulator that runs already (a container, another machine's).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from lake_local import emulator as embedded
from lake_local.ports import HOST, free_port
from lake_local.processes import Processes

READY_SECONDS = 60
REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class Aws:
    """How to reach it, as a client or as another process's environment."""

    env: dict[str, str]

    def client(self, service: str, **options: Any) -> Any:
        """Return a boto3 client of the emulator."""
        options = {"endpoint_url": self.env["AWS_ENDPOINT_URL"]} | options
        return boto3.client(
            service,
            region_name=REGION,
            aws_access_key_id=self.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.env["AWS_SECRET_ACCESS_KEY"],
            **options,
        )


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator for the session."""
    given = os.environ.get("LAKE_TEST_ENDPOINT_URL")
    if given:
        yield Emulator(given)
        return
    directory = tmp_path_factory.mktemp("emulator")
    port = free_port()
    with Processes(directory / "logs") as processes:
        program = embedded.program(port, directory, embedded.system_environment())
        processes.start(program)
        deadline = time.monotonic() + READY_SECONDS
        while not embedded.answers(port):
            processes.check()
            assert time.monotonic() < deadline, f"the emulator is not up in {READY_SECONDS} s"
            time.sleep(0.1)
        yield Emulator(f"http://{HOST}:{port}")


@pytest.fixture(scope="session")
def aws(emulator: Emulator) -> Aws:
    """Clients and environment for that emulator."""
    return Aws(
        {
            "AWS_ENDPOINT_URL": emulator.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
    )
