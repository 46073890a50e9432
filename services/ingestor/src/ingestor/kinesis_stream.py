"""`Stream` on Kinesis, and its shard map, kept up to date."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
)

from ingestor.kinesis_bodies import install, put_records
from ingestor.limits import full_jitter
from ingestor.putter import PutResult
from ingestor.records import OutgoingRecord
from ingestor.shards import Shard, ShardMap
from lake_core.errors import InputError, OutcomeUnknown, TransientError

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient

# Retries are ours: the SDK's would put whole calls again, and hide outcomes that are not known.
CLIENT_CONFIG: Final = Config(
    connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 1}, max_pool_connections=32,
    parameter_validation=False,  # see kinesis_bodies.py
)  # fmt: skip
log = logging.getLogger("ingestor")
MAP_SECONDS: Final = 60.0  # a split that moves no key of ours is noticed by then
MAP_REFRESH_SECONDS: Final = 1.0  # at most so often after a record went elsewhere
FIRST_MAP_TRIES: Final = 5  # within a few seconds; then the cause is worth telling
SERVER_ERROR: Final = 500
_PASSING: Final = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "LimitExceededException",
        "ThrottlingException",
        "KMSThrottlingException",
    }
)


class KinesisStream:
    """One stream."""

    def __init__(
        self,
        client: KinesisClient,
        name: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        install(client)
        self._client = client
        self._name = name
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._moved = False
        self._map: ShardMap | None = None
        self._map_since = 0.0

    def put(self, records: Sequence[OutgoingRecord]) -> list[PutResult]:
        """See `Stream`."""
        try:
            return put_records(self._client, self._name, records)
        except ClientError as error:
            if _status(error) >= SERVER_ERROR:  # it may have failed after it was stored
                raise OutcomeUnknown(str(error)) from error
            raise self._sorted(error) from error
        except (EndpointConnectionError, ConnectTimeoutError) as error:
            raise TransientError(str(error)) from error  # nobody was reached
        except (BotoCoreError, msgspec.DecodeError) as error:
            raise OutcomeUnknown(str(error)) from error

    def shards(self) -> ShardMap:
        """Return the open shards; the same object as long as nothing has changed.

        Raises:
            InputError: the stream does not exist.
        """
        with self._lock:
            age = self._clock() - self._map_since
            if self._map is None or age > (MAP_REFRESH_SECONDS if self._moved else MAP_SECONDS):
                self._map = self._refreshed(self._map)
                self._map_since, self._moved = self._clock(), False
            return self._map

    def moved(self) -> None:
        """Take note that a record went to a shard that the map did not expect."""
        self._moved = True

    def _refreshed(self, known: ShardMap | None) -> ShardMap:
        tries = 0
        while True:
            try:
                fresh = self._read_map()
            except TransientError as error:
                if known is not None:  # an old map only means that records move once more
                    log.warning("the shard map is not refreshed: %s", error)
                    return known
                tries += 1
                if tries == FIRST_MAP_TRIES:
                    raise
                self._sleep(full_jitter(tries))
            else:
                return known if known == fresh else fresh

    def _read_map(self) -> ShardMap:
        pages = self._client.get_paginator("list_shards").paginate(StreamName=self._name)
        try:
            found = [shard for page in pages for shard in page["Shards"]]
        except ClientError as error:
            raise self._sorted(error) from error
        except BotoCoreError as error:
            raise TransientError(f"the shards of {self._name} cannot be listed: {error}") from error
        return ShardMap.of(
            [
                Shard(
                    shard["ShardId"],
                    int(shard["HashKeyRange"]["StartingHashKey"]),
                    int(shard["HashKeyRange"]["EndingHashKey"]),
                )
                for shard in found
                if "EndingSequenceNumber" not in shard["SequenceNumberRange"]
            ]
        )

    def _sorted(self, error: ClientError) -> Exception:
        code = error.response.get("Error", {}).get("Code", "")
        if code == "ResourceNotFoundException":
            return InputError(f"the stream {self._name} does not exist; create it first")
        if code in _PASSING or _status(error) >= SERVER_ERROR:
            return TransientError(f"{code}: {error}")
        return error


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
