"""Makes what the lake stands on, and reads it back: an emulator's word alone is not trusted.

Idempotent: what exists as wanted is left as it is; what exists otherwise is named.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from lake_core.errors import LakeError
from lake_core.names import BUCKET, LIVE_TABLE, STREAMS, Domain
from lake_local.aws import Clients, ServiceError, error_code
from lake_local.glue_catalog import make_catalog
from lake_local.settings import Settings
from lake_local.workflow import make_workflow

if TYPE_CHECKING:
    from types_boto3_kinesis.type_defs import StreamDescriptionSummaryTypeDef

ACTIVE_WITHIN_SECONDS: Final = 20.0
POLL_SECONDS: Final = 0.1


class ProvisionError(LakeError):
    """Something the lake needs is not there as it must be."""


def provision(clients: Clients, settings: Settings) -> list[str]:
    """Make everything the lake stands on; return a line about each part, as read back.

    Raises:
        LakeError: names what is not as it must be.
    """
    shards = {
        Domain.MANUFACTURING: settings.manufacturing_shards,
        Domain.ECOMMERCE: settings.ecommerce_shards,
    }
    _make(lambda: clients.s3.create_bucket(Bucket=BUCKET))
    for domain, stream in STREAMS.items():
        _make_stream(clients, stream, shards[domain])
    _make_live_table(clients)
    facts = [_bucket_fact(clients)]
    for domain, stream in STREAMS.items():
        facts.append(_stream_fact(clients, stream, shards[domain], settings.retention_hours))
    return [
        *facts, _table_fact(clients), *make_catalog(clients.glue), *make_workflow(clients.states)
    ]  # fmt: skip


def _make(create: Callable[[], object]) -> None:
    try:
        create()
    except ServiceError as error:
        known = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists", "ResourceInUseException")
        if error_code(error) not in known:
            raise


def _make_stream(clients: Clients, stream: str, shards: int) -> None:
    _make(lambda: clients.kinesis.create_stream(StreamName=stream, ShardCount=shards))


def _make_live_table(clients: Clients) -> None:
    _make(
        lambda: clients.dynamodb.create_table(
            TableName=LIVE_TABLE,
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
    )
    _make(
        lambda: clients.dynamodb.update_time_to_live(
            TableName=LIVE_TABLE,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"},
        )
    )


def _bucket_fact(clients: Clients) -> str:
    names = [bucket.get("Name") for bucket in clients.s3.list_buckets()["Buckets"]]
    if BUCKET not in names:
        raise ProvisionError(f"the bucket {BUCKET} is not there after it was made")
    return f"bucket {BUCKET}"


def _stream_fact(clients: Clients, stream: str, shards: int, retention_hours: int) -> str:
    summary = _active(clients, stream)
    _keep_records(clients, summary, retention_hours)
    summary = _active(clients, stream)
    if (found := summary["OpenShardCount"]) != shards:
        raise ProvisionError(
            f"{stream} has {found} shards, not {shards}; resharding is the processors' to follow, "
            "not provisioning's: start with a new lake"
        )
    if (hours := summary["RetentionPeriodHours"]) < retention_hours:
        raise ProvisionError(f"{stream} keeps records for {hours} h, not {retention_hours} h")
    return f"stream {stream}, {shards} shard{'s' if shards > 1 else ''}"


def _active(clients: Clients, stream: str) -> StreamDescriptionSummaryTypeDef:
    deadline = time.monotonic() + ACTIVE_WITHIN_SECONDS
    while True:
        summary = clients.kinesis.describe_stream_summary(StreamName=stream)[
            "StreamDescriptionSummary"
        ]
        if summary["StreamStatus"] == "ACTIVE":
            return summary
        if time.monotonic() > deadline:
            raise ProvisionError(f"{stream} is still {summary['StreamStatus']}")
        time.sleep(POLL_SECONDS)


def _keep_records(
    clients: Clients, summary: StreamDescriptionSummaryTypeDef, retention_hours: int
) -> None:
    if summary["RetentionPeriodHours"] < retention_hours:
        clients.kinesis.increase_stream_retention_period(
            StreamName=summary["StreamName"], RetentionPeriodHours=retention_hours
        )


def _table_fact(clients: Clients) -> str:
    table = clients.dynamodb.describe_table(TableName=LIVE_TABLE)["Table"]
    keys = [key["AttributeName"] for key in table.get("KeySchema", [])]
    if keys != ["pk", "sk"]:
        raise ProvisionError(f"the table {LIVE_TABLE} has the keys {keys}, not pk and sk")
    return f"table {LIVE_TABLE}"
