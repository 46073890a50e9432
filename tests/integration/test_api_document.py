"""The API keeps what its OpenAPI document says: schemathesis asks a running process whatever it
can think of, valid and not, and compares every answer with the document."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from lake_local.ports import free_port
from tests.integration.local_run import CHECKOUT
from tests.integration.waiting import eventually
from tests.unit.analytics_api.expectations import purchase_rows, reading_rows
from tests.unit.analytics_api.lake_builder import MemoryLake, filled

STREAM = "/v1/alerts/stream"
# Those left out are about what the API does not have: sessions, and resources that clients make.
NOT_OURS = "use_after_free,ensure_resource_availability,ignored_auth,object_level_authorization"
HABITS = (
    "--checks=all", "--mode=all", "--phases=examples,coverage,fuzzing",
    "--generation-deterministic", "--continue-on-failure", "--no-color",
)  # fmt: skip
PATIENCE_SECONDS = 120  # it takes fifteen of a free machine


@contextmanager
def served(aws: Any, lake: MemoryLake, status: int) -> Iterator[str]:
    """Serve a lake: the address of an API whose `/readyz` says that status."""
    bucket, port = f"api-{uuid.uuid4().hex[:12]}", free_port()
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=bucket)
    for key, body in lake.objects.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    environment = {
        **aws.env, "PATH": os.environ["PATH"], "ANALYTICS_API_BUCKET": bucket,
        "ANALYTICS_API_PORT": str(port),
    }  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    process = subprocess.Popen([sys.executable, "-m", "analytics_api", "serve"], env=environment)
    try:
        assert eventually(lambda: _readiness(address) == status, 30)
        yield address
    finally:
        process.kill()
        process.wait(10)


def _readiness(address: str) -> int:
    try:
        return httpx.get(f"{address}/readyz", trust_env=False).status_code
    except httpx.TransportError:
        return 0


@pytest.fixture(scope="module")
def api(aws: Any) -> Iterator[str]:
    """An API over a small lake, which has what the document gives as examples."""
    purchases = purchase_rows(120)
    purchases[0]["Customer_ID"] = "37-611-6911"
    with served(aws, filled(reading_rows(300), purchases).lake, 200) as address:
        yield address


def find_nothing(api: str, directory: Path, *options: str, exclude: str = NOT_OURS) -> None:
    """Let schemathesis ask; what it finds is what the failure says."""
    program = Path(sys.executable).with_name("schemathesis")
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(directory), "PYTHONPATH": str(CHECKOUT),
        "SCHEMATHESIS_HOOKS": "tests.integration.schemathesis_hooks",
    }  # fmt: skip
    done = subprocess.run(
        [program, "run", f"{api}/openapi.json", *HABITS, f"--exclude-checks={exclude}", *options],
        cwd=directory, env=environment, capture_output=True, text=True,
        timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_answer_is_one_that_the_document_describes(api: str, tmp_path: Path) -> None:
    find_nothing(api, tmp_path, f"--exclude-path={STREAM}", "--max-examples=40")


def test_so_are_the_events_of_the_stream_of_alerts(api: str, tmp_path: Path) -> None:
    """It has no end: an answer is what has come within a second."""
    options = (f"--include-path={STREAM}", "--request-timeout=1", "--max-examples=8")
    find_nothing(api, tmp_path, *options)


def test_so_are_the_answers_while_there_are_no_data(aws: Any, tmp_path: Path) -> None:
    """They are 503, which the document has; and schemathesis otherwise takes for a defect."""
    with served(aws, MemoryLake(), 503) as empty:
        options = (f"--exclude-path={STREAM}", "--max-examples=5")
        find_nothing(empty, tmp_path, *options, exclude=f"{NOT_OURS},not_a_server_error")
