"""The live view on DynamoDB, and its alerts on EventBridge."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pyarrow as pa
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lake_core.errors import TransientError
from lake_core.layout import Chain
from lake_core.live import (
    KEEP_SECONDS,
    LiveChunk,
    announcement_key,
    announcements_key,
    encode_chunk,
    partition_key,
    sort_key,
)
from lake_core.names import ALERT_EVENT, EVENT_SOURCE, Domain
from lake_core.schema import SCORE_COLUMNS
from lake_core.scoring import ALERT_TYPE, RECOMMENDED_ACTION

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_events import EventBridgeClient
    from types_boto3_events.type_defs import PutEventsRequestEntryTypeDef

# The live view must never hold the lake up: short waits, and no second try.
CLIENT_CONFIG: Final = Config(
    connect_timeout=0.5, read_timeout=1.0, retries={"mode": "standard", "total_max_attempts": 1}
)
MAX_EVENTS: Final = 10  # PutEvents limit per call


class DynamoDBLive:
    """`LiveStore` on a DynamoDB table with keys `pk` and `sk` and the time to live `expires`."""

    def __init__(self, dynamodb: DynamoDBClient, events: EventBridgeClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._events = events
        self._table = table

    def announce(self, chain: Chain) -> None:
        """See `LiveStore`."""
        item: dict[str, Any] = {
            "pk": {"S": announcements_key(chain.domain)},
            "sk": {"S": announcement_key(chain)},
            "expires": {"N": str(int(time.time()) + KEEP_SECONDS)},
        }
        try:
            self._dynamodb.put_item(TableName=self._table, Item=item)
        except (ClientError, BotoCoreError) as error:
            raise TransientError(f"{self._table} was not written: {error}") from error

    def put_if_absent(self, chain: Chain, chunk: LiveChunk) -> str | None:
        """See `LiveStore`."""
        item: dict[str, Any] = {
            "pk": {"S": partition_key(chain)},
            "sk": {"S": sort_key(chunk.first)},
            "last": {"S": chunk.last},
            "body": {"B": encode_chunk(chunk)},
            "expires": {"N": str(int(time.time()) + KEEP_SECONDS)},
        }
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(sk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return self._last_of(item, error.response)
            raise TransientError(f"{self._table} was not written: {error}") from error
        except BotoCoreError as error:
            raise TransientError(f"{self._table} was not written: {error}") from error
        return None

    def _last_of(self, item: dict[str, Any], response: Any) -> str:
        """Return the end of the chunk that is there: in the refusal, or read where it is not."""
        there = response.get("Item")
        if there is None:
            key = {"pk": item["pk"], "sk": item["sk"]}
            try:
                answer = self._dynamodb.get_item(
                    TableName=self._table, Key=key, ConsistentRead=True
                )
            except (ClientError, BotoCoreError) as error:
                raise TransientError(f"{self._table} cannot be read: {error}") from error
            there = answer.get("Item", item)
        return str(there["last"]["S"])

    def tell(self, chain: Chain, alerts: pa.Table) -> None:
        """See `LiveStore`."""
        entries = [_entry(chain, row) for row in alerts.to_pylist()]
        for start in range(0, len(entries), MAX_EVENTS):
            try:
                answer = self._events.put_events(Entries=entries[start : start + MAX_EVENTS])
            except (ClientError, BotoCoreError) as error:
                raise TransientError(f"alerts were not published: {error}") from error
            if answer["FailedEntryCount"]:
                raise TransientError(f"{answer['FailedEntryCount']} alerts were not published")


def _entry(chain: Chain, row: dict[str, Any]) -> PutEventsRequestEntryTypeDef:
    detail = {
        "alert_type": ALERT_TYPE,
        "machine_id": row["machine_id"],
        "score": row[SCORE_COLUMNS[Domain.MANUFACTURING]],
        "timestamp": _text(row["timestamp"]),
        "recommended_action": RECOMMENDED_ACTION,
        "event_source": row["event_source"],
        "event_row": row["event_row"],
        "position": f"{chain.shard}/{row['sequence_number']}/{row['record_index']}",
    }
    return {
        "Source": EVENT_SOURCE,
        "DetailType": ALERT_EVENT,
        "Time": row["timestamp"],
        "Detail": msgspec.json.encode(detail).decode(),
    }


def _text(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
