"""The lake's bucket as the ingestor uses it: CSVs to read, cursors, quarantine."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lake_core.errors import InputError, TransientError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CLIENT_CONFIG: Final = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 5}
)
# A file is read in ranges, so that a connection lost in the middle costs one range.
RANGE_BYTES: Final = 8 * 1024 * 1024
LINES_CHUNK_BYTES: Final = 1024 * 1024
_ABSENT: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_NO_BUCKET: Final = "NoSuchBucket"
SERVER_ERROR: Final = 500
_BUSY: Final = frozenset({"SlowDown", "RequestTimeout", "429"})
_CHANGED: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


class S3Bucket:
    """One bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def upload(self, key: str, file: Any) -> None:
        """Write an object from an open binary file, in parts if it is large.

        Raises:
            InputError: there is no such bucket.
        """
        try:
            # A wrapper: the SDK's transfer closes what it is given.
            self._client.upload_fileobj(cast(BinaryIO, _Unclosed(file)), self._bucket, key)
        except ClientError as error:
            raise self._sorted(error) from error

    def get_lines(self, key: str) -> Iterator[bytes]:
        """Return the lines of an object without their ends; none if there is no object."""
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        except ClientError as error:
            if _code(error) in _ABSENT:
                return
            raise self._sorted(error) from error
        with body:
            yield from body.iter_lines(LINES_CHUNK_BYTES)

    def read(self, key: str) -> tuple[bytes, str] | None:
        """Return content and ETag of an object; None if there is none."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            return answer["Body"].read(), answer["ETag"]
        except ClientError as error:
            if _code(error) in _ABSENT:
                return None
            raise self._sorted(error) from error
        except BotoCoreError as error:
            raise TransientError(f"s3://{self._bucket}/{key} is not read: {error}") from error

    def write(self, key: str, body: bytes, version: str | None) -> str | None:
        """Write over exactly that version (None: where there is none); None if it is not there.

        Raises:
            TransientError: no answer, or a refusal that may pass; it may have been written.
        """
        condition: Any = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        try:
            answer = self._client.put_object(Bucket=self._bucket, Key=key, Body=body, **condition)
        except ClientError as error:
            if _code(error) in _CHANGED | _ABSENT:
                return None
            raise self._sorted(error) from error
        except BotoCoreError as error:
            raise TransientError(f"s3://{self._bucket}/{key} is not written: {error}") from error
        return answer["ETag"]

    def _sorted(self, error: ClientError) -> Exception:
        if _code(error) == _NO_BUCKET:
            return InputError(
                f"the bucket {self._bucket} does not exist; create it, or name another with "
                "INGESTOR_BUCKET"
            )
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if _code(error) in _BUSY or status >= SERVER_ERROR:
            return TransientError(f"{self._bucket}: {error}")
        return error


class S3File:
    """An object that must stay the same for as long as it is replayed.

    Another content under its name would bear a false identity.
    """

    def __init__(self, client: S3Client, bucket: str, key: str) -> None:
        self._client = client
        self._where: Any = {"Bucket": bucket, "Key": key}
        self._seen: str | None = None

    def open(self) -> BinaryIO:
        """Open the object for reading from its beginning.

        Raises:
            InputError: there is no such object or bucket, or not the version first opened.
        """
        name = f"s3://{self._where['Bucket']}/{self._where['Key']}"
        try:
            head = self._client.head_object(**self._where)
        except ClientError as error:
            if _code(error) in _ABSENT | {_NO_BUCKET}:
                raise InputError(f"{name} does not exist") from error
            raise
        if self._seen not in (None, head["ETag"]):
            raise InputError(f"{name} was changed while it was replayed; start anew")
        self._seen = head["ETag"]
        raw = _RangedObject(self._client, self._where, head["ContentLength"], head["ETag"])
        return cast(BinaryIO, io.BufferedReader(raw, RANGE_BYTES))


class _Unclosed:
    """Reads a file and leaves it open."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


class _RangedObject(io.RawIOBase):
    """Reads one version of an object range by range."""

    def __init__(self, client: S3Client, where: Any, size: int, version: str) -> None:
        self._client = client
        self._where: Any = {**where, "IfMatch": version}
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
