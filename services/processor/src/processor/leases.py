"""Prepares a lease table: one incarnation's leases and nobody else's (I2), seeded for a fast start.

KCL waits up to 30 s at random before it fills an empty lease table. Leases that are there already
are taken within seconds.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec
from botocore.exceptions import ClientError

from lake_core.errors import TransientError
from lake_core.layout import lease_marker_key

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_kinesis import KinesisClient
    from types_boto3_s3 import S3Client

log = logging.getLogger(__name__)
LEASE_KEY: Final = "leaseKey"
TABLE_WAIT_SECONDS: Final = 60


class Marker(msgspec.Struct):
    """The object that says to which incarnation a lease table belongs."""

    incarnation: str


class LeaseTable:
    """One application's lease table in DynamoDB, with its marker in the lake's bucket."""

    def __init__(self, dynamodb: DynamoDBClient, s3: S3Client, bucket: str, table: str) -> None:
        self._dynamodb = dynamodb
        self._s3 = s3
        self._bucket = bucket
        self._table = table

    def prepare(self, incarnation: str, shards: list[str]) -> None:
        """Make the table hold leases of this incarnation only; seed it if it holds none."""
        self._create()
        if self._marked() != incarnation:
            self._forget_leases()
            body = msgspec.json.encode(Marker(incarnation))
            self._s3.put_object(Bucket=self._bucket, Key=self._marker_key, Body=body)
        if not self._leases():
            for shard in shards:
                self._seed(shard)
            log.info("leases seeded", extra={"table": self._table, "shards": len(shards)})

    @property
    def _marker_key(self) -> str:
        return lease_marker_key(self._table)

    def _marked(self) -> str | None:
        try:
            body = self._s3.get_object(Bucket=self._bucket, Key=self._marker_key)["Body"].read()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in {"NoSuchKey", "404"}:
                return None
            raise
        return msgspec.json.decode(body, type=Marker).incarnation

    def _create(self) -> None:
        # It may be there already, from the infrastructure or from another worker.
        with suppress(self._dynamodb.exceptions.ResourceInUseException):
            self._dynamodb.create_table(
                TableName=self._table,
                KeySchema=[{"AttributeName": LEASE_KEY, "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": LEASE_KEY, "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
        deadline = time.monotonic() + TABLE_WAIT_SECONDS
        while (
            self._dynamodb.describe_table(TableName=self._table)["Table"]["TableStatus"] != "ACTIVE"
        ):
            if time.monotonic() > deadline:
                raise TransientError(
                    f"table {self._table} is not active after {TABLE_WAIT_SECONDS} s"
                )
            time.sleep(0.2)

    def _leases(self) -> list[str]:
        """Return the keys of the leases; KCL keeps entries of other kinds there too."""
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._table, ConsistentRead=True
        )
        keys = [item[LEASE_KEY]["S"] for page in pages for item in page["Items"]]
        return [key for key in keys if key.startswith("shardId")]

    def _forget_leases(self) -> None:
        for key in self._leases():
            self._dynamodb.delete_item(TableName=self._table, Key={LEASE_KEY: {"S": key}})
            log.warning(
                "lease of another stream removed", extra={"table": self._table, "lease": key}
            )

    def _seed(self, shard: str) -> None:
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item={
                    LEASE_KEY: {"S": shard},
                    "leaseCounter": {"N": "0"},
                    "checkpoint": {"S": "TRIM_HORIZON"},
                    "checkpointSubSequenceNumber": {"N": "0"},
                    "ownerSwitchesSinceCheckpoint": {"N": "0"},
                },
                ConditionExpression=f"attribute_not_exists({LEASE_KEY})",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            log.info("lease was there", extra={"table": self._table, "lease": shard})


def root_shards(kinesis: KinesisClient, stream: str) -> list[str]:
    """Return the shards that have no parent left: reading begins there, children follow."""
    pages = kinesis.get_paginator("list_shards").paginate(StreamName=stream)
    shards = [shard for page in pages for shard in page["Shards"]]
    known = {shard["ShardId"] for shard in shards}
    return [
        shard["ShardId"]
        for shard in shards
        if not known & {shard.get("ParentShardId"), shard.get("AdjacentParentShardId")}
    ]
