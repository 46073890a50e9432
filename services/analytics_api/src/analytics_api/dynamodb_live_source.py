"""The live view on DynamoDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lake_core.errors import TransientError
from lake_core.layout import Chain
from lake_core.live import LiveChunk, continues, decode_chunk, partition_key, sort_key

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# Answers must not wait for the live view: short waits, and no second try.
CLIENT_CONFIG: Final = Config(
    connect_timeout=0.5,
    read_timeout=1.0,
    retries={"mode": "standard", "total_max_attempts": 1},
    max_pool_connections=16,
)
MAX_CHUNKS: Final = 64  # at once: sixteen seconds of one shard


class DynamoDBLiveSource:
    """`LiveSource` on the table that the processors write."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        # Chain → position and number of chunks behind it for which the one before was looked at.
        self._looked_back: dict[Chain, tuple[str | None, int]] = {}

    def chunks(self, chain: Chain, position: str | None) -> Sequence[LiveChunk]:
        """See `LiveSource`."""
        found = self._query(chain, "sk > :at", position, MAX_CHUNKS, forward=True)
        if any(continues(chunk, position) for chunk in found):
            return found
        # A chunk that began before the position may reach over it: where a range has ended in the
        # middle of one, or two writers have cut differently. Looked for once, not at each look.
        seen = (position, len(found))
        if self._looked_back.get(chain) == seen:
            return found
        before = self._query(chain, "sk <= :at", position, 1, forward=False)
        self._looked_back[chain] = seen
        return [*before, *found]

    def _query(
        self, chain: Chain, which: str, position: str | None, limit: int, *, forward: bool
    ) -> list[LiveChunk]:
        values = {":pk": {"S": partition_key(chain)}, ":at": {"S": sort_key(position)}}
        try:
            answer = self._dynamodb.query(
                TableName=self._table,
                KeyConditionExpression=f"pk = :pk AND {which}",
                ExpressionAttributeValues=values,
                ProjectionExpression="sk, body",
                ScanIndexForward=forward,
                Limit=limit,
            )
        except (ClientError, BotoCoreError) as error:
            raise TransientError(f"the live view {self._table} cannot be read: {error}") from error
        return [_chunk(item) for item in answer["Items"]]


def _chunk(item: Mapping[str, Any]) -> LiveChunk:
    return decode_chunk(bytes(item["body"]["B"]), str(item["sk"]["S"]))
