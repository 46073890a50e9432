"""The live view on DynamoDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lake_core.errors import TransientError
from lake_core.layout import Chain
from lake_core.live import (
    LiveChunk,
    announced_chain,
    announcements_key,
    continues,
    decode_chunk,
    partition_key,
    sort_key,
)
from lake_core.names import Domain

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# Answers must not wait for the live view: short waits, and no second try.
CLIENT_CONFIG: Final = Config(
    connect_timeout=0.5,
    read_timeout=1.0,
    retries={"mode": "standard", "total_max_attempts": 1},
    max_pool_connections=16,
)
MAX_ANNOUNCED: Final = 1_000  # shards
MAX_CHUNKS: Final = 64  # at once: sixteen seconds of one shard


class DynamoDBLiveSource:
    """`LiveSource` on the table that the processors write."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        # Chain → position and number of chunks behind it for which the one before was looked at.
        self._looked_back: dict[Chain, tuple[str | None, int]] = {}

    def announced(self, domain: Domain) -> Sequence[Chain]:
        """See `LiveSource`. One page: a domain has not thousands of new shards in an hour."""
        items = self._ask("pk = :pk", {":pk": {"S": announcements_key(domain)}}, "sk")
        return [announced_chain(domain, str(item["sk"]["S"])) for item in items]

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
        condition = f"pk = :pk AND {which}"
        items = self._ask(condition, values, "sk, body", limit=limit, forward=forward)
        return [_chunk(item) for item in items]

    def _ask(
        self,
        condition: str,
        values: Mapping[str, Any],
        fields: str,
        *,
        limit: int = MAX_ANNOUNCED,
        forward: bool = True,
    ) -> Sequence[Mapping[str, Any]]:
        try:
            answer = self._dynamodb.query(
                TableName=self._table,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                ProjectionExpression=fields,
                ScanIndexForward=forward,
                Limit=limit,
            )
        except (ClientError, BotoCoreError) as error:
            raise TransientError(f"the live view {self._table} cannot be read: {error}") from error
        return answer["Items"]


def _chunk(item: Mapping[str, Any]) -> LiveChunk:
    return decode_chunk(bytes(item["body"]["B"]), str(item["sk"]["S"]))
