"""Where KCL would go on, by its lease tables: how far a lake must reach at least."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from analytics_api.lake_reader import LakeReader
from lake_core.errors import TransientError, UnreadableObject
from lake_core.layout import Chain, lease_marker_key
from lake_core.names import PROCESSORS, Domain

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

log = logging.getLogger(__name__)


class _Marker(msgspec.Struct):
    incarnation: str


def committed_positions(dynamodb: DynamoDBClient, lake: LakeReader) -> dict[Chain, str]:
    """Return the checkpoint of each shard that has one.

    Raises:
        TransientError: a lease table cannot be read.
    """
    return {
        chain: position
        for domain in Domain
        for chain, position in _of_domain(dynamodb, lake, domain).items()
    }


def _of_domain(dynamodb: DynamoDBClient, lake: LakeReader, domain: Domain) -> dict[Chain, str]:
    table = PROCESSORS[domain]
    try:
        marker = msgspec.json.decode(lake.read(lease_marker_key(table)), type=_Marker)
    except UnreadableObject:
        return {}  # no processor has ever started
    try:
        pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        items = [item for page in pages for item in page["Items"]]
    except (ClientError, BotoCoreError) as error:
        raise TransientError(f"the leases in {table} cannot be read: {error}") from error
    return {
        Chain(domain, marker.incarnation, item["leaseKey"]["S"]): item["checkpoint"]["S"]
        for item in items
        if item["leaseKey"]["S"].startswith("shardId") and item["checkpoint"]["S"].isdecimal()
    }
