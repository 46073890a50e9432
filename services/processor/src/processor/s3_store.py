"""`LakeStore` on S3: retries what may pass, never hides an unknown outcome."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lake_core.errors import OutcomeUnknown, TransientError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

T = TypeVar("T")
# A put takes effect within minutes of its start or never (I8): 3 tries of at most 5 + 20 s each.
CLIENT_CONFIG: Final = Config(
    connect_timeout=5,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 3},
    s3={"addressing_style": "path"},
)
DEADLINE_SECONDS: Final = 180.0  # then the process ends and its task is restarted
BASE_DELAY_SECONDS: Final = 0.1
MAX_DELAY_SECONDS: Final = 10.0
HTTP_PRECONDITION_FAILED: Final = 412
HTTP_NOT_FOUND: Final = 404
HTTP_CONFLICT: Final = 409
_RETRYABLE_STATUS: Final = frozenset({408, 409, 429, 500, 502, 503, 504})


def is_retryable(error: ClientError | BotoCoreError) -> bool:
    """Whether trying again may help. What got no answer at all may."""
    if isinstance(error, ClientError):
        return _status(error) in _RETRYABLE_STATUS
    return True


class S3LakeStore:
    """The bucket of a lake."""

    def __init__(
        self,
        client: S3Client,
        bucket: str,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._sleep = sleep
        self._clock = clock
        self.retries = 0  # calls made again, or to be made again, after the SDK's own tries
        self._unknown_since: float | None = None

    def list_keys(self, prefix: str) -> list[str]:
        """See `LakeStore`."""
        return self._retry(f"list {prefix}", lambda: self._list(prefix))

    def read_tail(self, key: str, length: int) -> bytes | None:
        """See `LakeStore`."""
        return self._retry(f"read {key}", lambda: self._get(key, Range=f"bytes=-{length}"))

    def read(self, key: str) -> bytes | None:
        """See `LakeStore`."""
        return self._retry(f"read {key}", lambda: self._get(key))

    def put(self, key: str, body: bytes) -> None:
        """See `LakeStore`."""
        self._retry(
            f"put {key}", lambda: self._client.put_object(Bucket=self._bucket, Key=key, Body=body)
        )

    def put_if_absent(self, key: str, body: bytes) -> bool:
        """See `LakeStore`. Repeated unknown outcomes are spaced out, and end at the deadline."""
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body, IfNoneMatch="*")
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and _status(error) == HTTP_PRECONDITION_FAILED:
                self._unknown_since = None
                return False
            if not is_retryable(error):
                raise
            self._space_out(key, error)
            raise OutcomeUnknown(f"{key}: {error}") from error
        self._unknown_since = None
        return True

    def _space_out(self, key: str, error: Exception) -> None:
        self.retries += 1
        now = self._clock()
        if self._unknown_since is None:
            self._unknown_since = now
        if now - self._unknown_since > DEADLINE_SECONDS:
            raise TransientError(f"put {key} gave up after {DEADLINE_SECONDS:.0f} s: {error}")
        self._sleep(_jitter(now - self._unknown_since))

    def _list(self, prefix: str) -> list[str]:
        paginator = self._client.get_paginator("list_objects_v2")
        pages = paginator.paginate(Bucket=self._bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def _get(self, key: str, **options: Any) -> bytes | None:
        try:
            return self._client.get_object(Bucket=self._bucket, Key=key, **options)["Body"].read()
        except ClientError as error:
            if _status(error) == HTTP_NOT_FOUND:
                return None
            raise

    def _retry(self, what: str, call: Callable[[], T]) -> T:
        began = self._clock()
        while True:
            try:
                return call()
            except (ClientError, BotoCoreError) as error:
                if not is_retryable(error):
                    raise
                self.retries += 1
                waited = self._clock() - began
                if waited > DEADLINE_SECONDS:
                    raise TransientError(f"{what} gave up after {waited:.0f} s: {error}") from error
                self._sleep(_jitter(waited))


def _jitter(waited_seconds: float) -> float:
    """Full jitter: anything up to a cap that grows with the time already waited."""
    cap = min(MAX_DELAY_SECONDS, max(BASE_DELAY_SECONDS, waited_seconds))
    return random.uniform(0, cap)  # noqa: S311 - spreads retries, guards nothing


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
