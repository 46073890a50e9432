"""The bucket as the driver sees it: listings, whole objects, reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lake_core.errors import TransientError, UnreadableObject
from lake_glue.ranges import StoredObject
from lake_glue.settings import Settings

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import ObjectIdentifierTypeDef

CONFIG: Final = Config(
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": 5},
    max_pool_connections=32,
)
MAX_REMOVED: Final = 1000  # DeleteObjects limit per call
# What S3 says of one object while it serves the others.
_OF_ONE_OBJECT: Final = {
    "NoSuchKey": "is listed but not there",
    "AccessDenied": "may not be read: access denied",
    "InvalidObjectState": "is archived and has to be restored first",
}


class S3Objects:
    """`LakeObjects` on S3."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """See `LakeObjects`."""
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix
            )
            for page in pages:
                for item in page.get("Contents", []):
                    written = int(item["LastModified"].timestamp() * 1000)
                    yield StoredObject(item["Key"], item["Size"], written)
        except (ClientError, BotoCoreError) as error:
            raise TransientError(
                f"s3://{self._bucket}/{prefix} cannot be listed: {error}"
            ) from error

    def read(self, key: str) -> bytes:
        """See `LakeObjects`."""
        try:
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            reason = _OF_ONE_OBJECT.get(error.response.get("Error", {}).get("Code", ""))
            if reason:
                raise UnreadableObject(f"{key} {reason}") from error
            raise TransientError(f"{key} cannot be read: {error}") from error
        except BotoCoreError as error:
            raise TransientError(f"{key} cannot be read: {error}") from error

    def write(self, key: str, body: bytes) -> None:
        """Put an object."""
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body)
        except (ClientError, BotoCoreError) as error:
            raise TransientError(f"{key} cannot be written: {error}") from error

    def remove(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there are no error."""
        for start in range(0, len(keys), MAX_REMOVED):
            wanted: list[ObjectIdentifierTypeDef] = [
                {"Key": key} for key in keys[start : start + MAX_REMOVED]
            ]
            try:
                self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": wanted, "Quiet": True}
                )
            except (ClientError, BotoCoreError) as error:
                raise TransientError(f"{keys[start]} cannot be removed: {error}") from error


def s3_objects(settings: Settings) -> S3Objects:
    """Return the bucket of these settings."""
    client = boto3.client(
        "s3", region_name=settings.region, endpoint_url=settings.endpoints.s3, config=CONFIG
    )
    return S3Objects(client, settings.bucket)
