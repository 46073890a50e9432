"""LocalStack in a container of its own, for the tests that talk to an emulator."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import pytest
from testcontainers.community.localstack import LocalStackContainer
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from lake_local.http_client import HttpClient
from tests.containers.compose import why_no_engine

IMAGE: Final = os.environ.get("AWS_EMULATOR_IMAGE", "localstack/localstack:4.14.0")
READY_SECONDS: Final = 120


@contextmanager
def running_localstack(region: str, services: Sequence[str]) -> Iterator[str]:
    """Start it, give its URL, and take it away whatever happens."""
    if reason := why_no_engine():
        pytest.skip(f"LAKE_TEST_EMULATOR=container, but no container engine answers: {reason}")
    # Its watchdog is an image of its own; here the `finally` removes what was started.
    testcontainers_config.ryuk_disabled = True
    container = LocalStackContainer(IMAGE, region_name=region).with_services(*services)
    container.with_env("KINESIS_LATENCY", "0")
    try:
        DockerContainer.start(container)  # its own start waits for a line of the log
        yield _ready(container.get_url())
    finally:
        container.stop()


def _ready(endpoint: str) -> str:
    client = HttpClient(endpoint)
    deadline = time.monotonic() + READY_SECONDS
    while not client.get("/_localstack/health").ok:
        assert time.monotonic() < deadline, f"{IMAGE} is not up in {READY_SECONDS} s"
        time.sleep(0.2)
    return endpoint
