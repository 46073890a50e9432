"""The lake's bucket as the ingestor uses it: CSVs to read, cursors, quarantine."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from botocore.config import Config
from botocore.exceptions import ClientError

from lake_core.errors import InputError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CLIENT_CONFIG: Final = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 5}
)
# A file is read in ranges, so that a connection lost in the middle costs one range.
RANGE_BYTES: Final = 8 * 1024 * 1024
_ABSENT: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_NO_BUCKET: Final = "NoSuchBucket"
_CHANGED: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


class S3Bucket:
    """One bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def open(self, key: str) -> BinaryIO:
        """Open an object for reading from its beginning.

        Raises:
            InputError: there is no such object or bucket.
        """
        try:
            head = self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if _code(error) in _ABSENT | {_NO_BUCKET}:
                raise InputError(f"s3://{self._bucket}/{key} does not exist") from error
            raise
        raw = _RangedObject(self._client, self._bucket, key, head["ContentLength"], head["ETag"])
        return cast(BinaryIO, io.BufferedReader(raw, RANGE_BYTES))

    def upload(self, key: str, file: Any) -> None:
        """Write an object from an open binary file, in parts if it is large."""
        self._client.upload_fileobj(file, self._bucket, key)

    def get_lines(self, key: str) -> Iterable[bytes]:
        """Return the lines of an object; none if there is no object."""
        found = self.read(key)
        return found[0].split(b"\n") if found else ()

    def read(self, key: str) -> tuple[bytes, str] | None:
        """Return content and ETag of an object; None if there is none."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if _code(error) in _ABSENT:
                return None
            raise
        return answer["Body"].read(), answer["ETag"]

    def write(self, key: str, body: bytes, version: str | None) -> str | None:
        """Write over exactly that version (None: where there is none); None if it is not there."""
        condition: Any = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        try:
            answer = self._client.put_object(Bucket=self._bucket, Key=key, Body=body, **condition)
        except ClientError as error:
            if _code(error) in _CHANGED | _ABSENT:
                return None
            raise
        return answer["ETag"]


class _RangedObject(io.RawIOBase):
    """Reads one version of an object range by range."""

    def __init__(self, client: S3Client, bucket: str, key: str, size: int, version: str) -> None:
        self._client = client
        self._where: Any = {"Bucket": bucket, "Key": key, "IfMatch": version}
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._size:
            return 0
        last = min(self._at + len(buffer), self._size) - 1
        answer = self._client.get_object(**self._where, Range=f"bytes={self._at}-{last}")
        data = answer["Body"].read()
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
