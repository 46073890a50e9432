"""The analytics tasks as processes, over Iceberg tables in the emulator's Glue catalog."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from lake_core.layout import current_key
from lake_core.names import Domain
from tests.integration.curated_writer import GlueTables
from tests.unit.analytics_api.curated_builder import MemoryTables
from tests.unit.analytics_api.expectations import (
    assert_figures,
    expected_ecommerce,
    expected_manufacturing,
    purchase_rows,
    reading_rows,
)
from tests.unit.analytics_api.lake_builder import Builder


class Batch:
    """Curated tables in Glue, and the tasks that read them."""

    def __init__(self, aws: Any) -> None:
        self.s3 = aws.client("s3")
        self.bucket = f"tasks-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.builder = Builder()
        self.tables = MemoryTables(self.builder.lake)
        self.glue = GlueTables(aws, self.bucket)
        self.env = {**aws.env, "PATH": os.environ["PATH"], "ANALYTICS_API_BUCKET": self.bucket}

    def etl(self, domain: Domain) -> None:
        self.tables.etl(domain)
        self.glue.append(domain, self.tables)

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "analytics_api", *arguments],
            env={**self.env, **env}, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def insights(self, subject: str) -> Any:
        current = json.loads(self._read(current_key(subject)))
        return json.loads(self._read(current["insights"]))

    def _read(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body


@pytest.fixture
def batch(aws: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Batch]:
    # The tables' files are written by this process, by Arrow's own S3 client.
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, aws.env[name])
    made = Batch(aws)
    made.glue.drop()
    yield made
    made.glue.drop()


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_state_and_insights_come_from_the_tables_and_go_on_with_them(batch: Batch) -> None:
    readings, purchases = reading_rows(300), purchase_rows(120)
    batch.builder.add(Domain.MANUFACTURING, readings[:200])
    batch.builder.add(Domain.ECOMMERCE, purchases)
    for domain in Domain:
        batch.etl(domain)
        assert "made from nothing" in succeeded(batch.run("analyze", domain, "--run-id", "run-1"))
    succeeded(batch.run("integrate", "--run-id", "run-1"))
    assert_figures(
        batch.insights("integrated")["manufacturing"], expected_manufacturing(readings[:200])
    )
    batch.builder.add(Domain.MANUFACTURING, readings[200:], first_row=200)
    batch.etl(Domain.MANUFACTURING)
    assert '"rows":100' in succeeded(batch.run("analyze", "manufacturing")).replace(" ", "")
    assert "nothing new" in succeeded(batch.run("analyze", "ecommerce"))
    succeeded(batch.run("integrate"))
    both = batch.insights("integrated")
    assert_figures(both["manufacturing"], expected_manufacturing(readings))
    assert_figures(both["ecommerce"], expected_ecommerce(purchases))
    assert [one["rows"] for one in both["made_from"]] == [300, 120]


def test_a_missing_table_and_a_catalog_that_is_away_end_as_they_should(batch: Batch) -> None:
    missing = batch.run("analyze", "manufacturing")
    assert missing.returncode == 1
    assert "run the manufacturing ETL job first" in missing.stderr
    away = batch.run("analyze", "manufacturing", AWS_ENDPOINT_URL_GLUE="http://127.0.0.1:9")
    assert away.returncode == 75
