"""The API as a process against S3: it follows the lake while it grows, and stops in time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from lake_core.names import Domain
from lake_local.ports import free_port
from tests.integration.waiting import eventually
from tests.unit.analytics_api.expectations import (
    expected_ecommerce,
    expected_manufacturing,
    purchase_rows,
    reading_rows,
)
from tests.unit.analytics_api.lake_builder import Builder


class Served:
    """A running API over a bucket of its own."""

    def __init__(self, aws: Any) -> None:
        self.s3 = aws.client("s3")
        self.bucket = f"api-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.builder = Builder()
        port = free_port()
        environment = {
            **aws.env,
            "PATH": os.environ["PATH"],
            "ANALYTICS_API_BUCKET": self.bucket,
            "ANALYTICS_API_PORT": str(port),
            "ANALYTICS_API_POLL_SECONDS": "0.2",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "analytics_api", "serve"], env=environment
        )
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False)

    def add(self, domain: Domain, rows: list[dict[str, str]], **options: Any) -> None:
        key = self.builder.add(domain, rows, **options)
        body = self.builder.lake.objects[key]
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def answers(self, path: str) -> int:
        try:
            return self.http.get(path).status_code
        except httpx.TransportError:
            return 0


@pytest.fixture
def served(aws: Any) -> Iterator[Served]:
    made = Served(aws)
    assert eventually(lambda: made.answers("/healthz") == 200, 30)
    yield made
    made.http.close()
    made.process.kill()
    made.process.wait(10)


def analyzed(served: Served, count: int) -> bool:
    answer = served.http.get("/v1/insights/manufacturing").json()
    return bool(answer.get("records_analyzed") == count)


def test_answers_grow_with_the_lake_and_equal_plain_python(served: Served) -> None:
    readings, purchases = reading_rows(300), purchase_rows(120)
    assert served.answers("/readyz") == 503
    served.add(Domain.ECOMMERCE, purchases)
    for start in range(0, 300, 100):
        served.add(Domain.MANUFACTURING, readings[start : start + 100], first_row=start)
        assert eventually(partial(analyzed, served, start + 100), 10)
    answer = served.http.get("/v1/insights/integrated").json()
    for name, expected in (
        ("manufacturing", expected_manufacturing(readings)),
        ("ecommerce", expected_ecommerce(purchases)),
    ):
        for field, value in expected.items():
            close = pytest.approx(value) if isinstance(value, float) else value
            assert answer[name][field] == close, field
    assert served.answers("/readyz") == 200


def test_a_head_request_has_the_headers_and_no_body(served: Served) -> None:
    got, head = served.http.get("/v1/machines"), served.http.head("/v1/machines")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == got.headers["etag"]


def test_a_method_that_does_not_exist_is_a_problem(served: Served) -> None:
    answer = served.http.post("/v1/machines")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"


def test_sigterm_stops_it_within_seconds(served: Served) -> None:
    began = time.monotonic()
    served.process.send_signal(signal.SIGTERM)
    served.process.wait(10)
    assert time.monotonic() - began < 8
