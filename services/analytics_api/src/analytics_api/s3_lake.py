"""`LakeReader` on S3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from analytics_api.lake_reader import StoredObject, Tagged
from lake_core.errors import TransientError, UnreadableObject

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CLIENT_CONFIG: Final = Config(
    connect_timeout=5,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=16,
)
# What S3 says of one object while it serves the others: its chain stops, the others go on.
ABOUT_ONE_OBJECT: Final = {
    "NoSuchKey": "is listed but not there",
    "AccessDenied": "may not be read: access denied",
    "InvalidObjectState": "is archived and has to be restored first",
}
SAME_OR_NONE: Final = frozenset({"304", "NotModified", "404", "NoSuchKey"})


class S3Lake:
    """The bucket of a lake."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """See `LakeReader`."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, StartAfter=after
        )
        try:
            for page in pages:
                for item in page.get("Contents", []):
                    written = int(item["LastModified"].timestamp() * 1000)
                    yield StoredObject(item["Key"], item["Size"], written)
        except (ClientError, BotoCoreError) as error:
            raise TransientError(
                f"s3://{self._bucket}/{prefix} cannot be listed: {error}"
            ) from error

    def read(self, key: str) -> bytes:
        """See `LakeReader`."""
        try:
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            reason = ABOUT_ONE_OBJECT.get(error.response.get("Error", {}).get("Code", ""))
            if reason:
                raise UnreadableObject(f"{key} {reason}") from error
            raise TransientError(f"{key} cannot be read: {error}") from error
        except BotoCoreError as error:
            raise TransientError(f"{key} cannot be read: {error}") from error

    def read_other(self, key: str, etag: str | None) -> Tagged | None:
        """See `LakeReader`."""
        condition: Any = {"IfNoneMatch": etag} if etag else {}
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=key, **condition)
            return Tagged(found["Body"].read(), found["ETag"])
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in SAME_OR_NONE:
                return None
            if code in ABOUT_ONE_OBJECT:
                raise UnreadableObject(f"{key} {ABOUT_ONE_OBJECT[code]}") from error
            raise TransientError(f"{key} cannot be read: {error}") from error
        except BotoCoreError as error:
            raise TransientError(f"{key} cannot be read: {error}") from error
