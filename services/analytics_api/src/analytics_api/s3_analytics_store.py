"""`AnalyticsStore` on S3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from analytics_api.lake_reader import StoredObject, Tagged
from analytics_api.s3_lake import S3Lake
from lake_core.errors import TransientError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

MAX_DELETED: Final = 1000  # DeleteObjects limit per call
# Somebody else was there before; 409: somebody else was there at the same time.
REFUSED: Final = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})


class S3AnalyticsStore:
    """The bucket of a lake, `analytics/` in it."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._reader = S3Lake(client, bucket)

    def find(self, key: str) -> Tagged | None:
        """See `AnalyticsStore`."""
        return self._reader.read_other(key, None)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """See `AnalyticsStore`."""
        return self._reader.list(prefix)

    def put(self, key: str, body: bytes) -> None:
        """See `AnalyticsStore`."""
        self._put(key, body, {})

    def replace(self, key: str, body: bytes, etag: str | None) -> bool:
        """See `AnalyticsStore`."""
        return self._put(key, body, {"IfMatch": etag} if etag else {"IfNoneMatch": "*"})

    def _put(self, key: str, body: bytes, condition: dict[str, Any]) -> bool:
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body, **condition)
        except ClientError as error:
            if condition and error.response.get("Error", {}).get("Code") in REFUSED:
                return False
            raise TransientError(f"{key} cannot be written: {error}") from error
        except BotoCoreError as error:
            raise TransientError(f"{key} cannot be written: {error}") from error
        return True

    def delete(self, keys: Sequence[str]) -> None:
        """See `AnalyticsStore`."""
        for begin in range(0, len(keys), MAX_DELETED):
            some = keys[begin : begin + MAX_DELETED]
            named: Any = {"Objects": [{"Key": key} for key in some], "Quiet": True}
            try:
                answer = self._client.delete_objects(Bucket=self._bucket, Delete=named)
            except (ClientError, BotoCoreError) as error:
                raise TransientError(f"old versions cannot be deleted: {error}") from error
            if refused := answer.get("Errors"):
                raise TransientError(f"old versions cannot be deleted: {refused[0]}")
