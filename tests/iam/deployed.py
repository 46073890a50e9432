"""The templates' streams, tables, bucket and catalog, made on an emulator as they are written."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from lake_core.names import PROCESSORS, Domain
from tests.aws import Aws
from tests.templates import filled, of_type

CHECKOUT = Path(__file__).resolve().parents[2]
SNAPSHOT = CHECKOUT / "infra" / "snapshot"
# KCL makes these itself here, so that its own idea of them can be compared with the template's.
LEFT_TO_KCL = f"{PROCESSORS[Domain.ECOMMERCE]}-"
_OF_A_TABLE = (
    "TableName", "KeySchema", "AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes",
)  # fmt: skip


def snapshot(stage: str) -> dict[str, dict[str, Any]]:
    """Return a stage's templates by stack, as the unit tests have found them up to date."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((SNAPSHOT / stage).glob("*.json"))
    }


def bucket_name(storage: dict[str, Any]) -> str:
    """Return the name of the lake's bucket."""
    buckets = of_type(storage, "AWS::S3::Bucket").values()
    return str(filled(next(b for b in buckets if "LoggingConfiguration" in b)["BucketName"]))


def deploy(storage: dict[str, Any], aws: Aws) -> None:
    """Make what the stack holds."""
    aws.client("s3").create_bucket(Bucket=bucket_name(storage))
    kinesis, dynamodb, glue = aws.client("kinesis"), aws.client("dynamodb"), aws.client("glue")
    for stream in of_type(storage, "AWS::Kinesis::Stream").values():
        kinesis.create_stream(StreamName=stream["Name"], ShardCount=stream["ShardCount"])
    for table in of_type(storage, "AWS::DynamoDB::Table").values():
        if not table["TableName"].startswith(LEFT_TO_KCL):
            dynamodb.create_table(**{k: table[k] for k in _OF_A_TABLE if k in table})
    for database in of_type(storage, "AWS::Glue::Database").values():
        glue.create_database(DatabaseInput=database["DatabaseInput"])
    for table in of_type(storage, "AWS::Glue::Table").values():
        glue.create_table(
            DatabaseName=table["DatabaseName"], TableInput=filled(table["TableInput"])
        )
    for stream in of_type(storage, "AWS::Kinesis::Stream").values():
        while not _active(kinesis, stream["Name"]):
            time.sleep(0.05)


def _active(kinesis: Any, stream: str) -> bool:
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    return bool(summary["StreamStatus"] == "ACTIVE")
