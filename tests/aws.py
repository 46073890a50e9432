"""The AWS that tests talk to: one suite over three sources.

`LAKE_TEST_EMULATOR` chooses: `embedded` (the default: the local lake's own emulator, started here)
or `container` (LocalStack by testcontainers; skipped, loudly, where no engine runs it).
`LAKE_TEST_ENDPOINT_URL` names one that runs already, whatever it is. What each is known to do
otherwise than AWS is data, in `differences.py`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from lake_local import emulator as embedded
from lake_local.http_client import HttpClient
from lake_local.ports import HOST, free_port
from lake_local.processes import Processes

READY_SECONDS = 60
REGION = "us-east-1"
SERVICES = ("s3", "kinesis", "dynamodb", "stepfunctions", "sqs", "scheduler", "cloudformation")


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator, and which one it is: `ministack`, `localstack`, or `aws` for others."""

    endpoint: str
    kind: str


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


def kind_of(endpoint: str) -> str:
    """Return which emulator answers there, by the health page each has of its own."""
    client = HttpClient(endpoint, timeout_seconds=10.0)
    for kind in ("ministack", "localstack"):  # the first answers to the second's name too
        if client.get(f"/_{kind}/health").ok:
            return kind
    return "aws"


@contextmanager
def _embedded(directory: Path) -> Iterator[str]:
    port = free_port()
    with Processes(directory / "logs") as processes:
        program = embedded.program(port, directory, embedded.system_environment())
        processes.start(program)
        deadline = time.monotonic() + READY_SECONDS
        while not embedded.answers(port):
            processes.check()
            assert time.monotonic() < deadline, f"the emulator is not up in {READY_SECONDS} s"
            time.sleep(0.1)
        yield f"http://{HOST}:{port}"


@contextmanager
def _container(directory: Path) -> Iterator[str]:
    from tests.containers.localstack import running_localstack  # noqa: PLC0415 - Docker's client

    del directory
    with running_localstack(REGION, SERVICES) as endpoint:
        yield endpoint


@contextmanager
def _given(directory: Path) -> Iterator[str]:
    del directory
    yield os.environ["LAKE_TEST_ENDPOINT_URL"]


SOURCES = {"embedded": _embedded, "container": _container, "given": _given}


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator for the session."""
    chosen = os.environ.get("LAKE_TEST_EMULATOR", "embedded")
    source = SOURCES["given" if "LAKE_TEST_ENDPOINT_URL" in os.environ else chosen]
    with source(tmp_path_factory.mktemp("emulator")) as endpoint:
        yield Emulator(endpoint, kind_of(endpoint))


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
