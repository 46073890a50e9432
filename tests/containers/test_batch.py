"""The batch workflow in containers: LocalStack's Step Functions, our catalog, real Spark."""

from __future__ import annotations

from typing import Any

import boto3
import msgspec
import pytest

from lake_core.layout import current_key
from lake_core.names import BUCKET, Domain
from tests.containers.compose import Compose, lake

ROWS = {"MANUFACTURING_ROWS": "2000", "ECOMMERCE_ROWS": "200"}
STEPS = 5
ETL_SECONDS = 900  # Spark starts twice, each with a core at most

pytestmark = pytest.mark.timeout(1800)


def s3_of(project: Compose) -> Any:
    return boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{project.variables['AWS_PORT']}",
        region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip


def test_a_run_publishes_tables_and_insights() -> None:
    with lake("lake-test-batch", **ROWS) as project:
        project.with_profile("batch")
        project.up()
        run = project.run(
            "exec", "-T", "batch-worker", "python", "-m", "lake_local", "etl", seconds=ETL_SECONDS
        )
        assert run.returncode == 0, run.stdout + run.stderr + project.logs("batch-worker")
        assert run.stdout.count("✓") >= STEPS
        for subject in [*Domain, "integrated"]:
            current = s3_of(project).get_object(Bucket=BUCKET, Key=current_key(subject))
            assert msgspec.json.decode(current["Body"].read())["version"]
