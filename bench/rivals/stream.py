"""The input of a rival: a stream that holds the whole data set, and goes on.

A trickle goes on while a rival reads, as any live stream does: some write what they hold only when
another record comes. Its rows are not counted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from bench.wire_forms import FILES, events_of
from lake_core.names import STREAMS, Domain
from lake_core.parsing import encode_event
from lake_core.wire import Packing

DOMAIN: Final = Domain.MANUFACTURING
SOURCE: Final = FILES[DOMAIN]
STREAM: Final = STREAMS[DOMAIN]
BUCKET: Final = "lake"
SHARDS: Final = 4
TRICKLE: Final = "trickle"  # the source of events that do not count
TRICKLE_SECONDS: Final = 0.5
_HASH_KEYS: Final = 2**128


def program_environment(endpoint: str) -> dict[str, str]:
    """How a program finds the emulator."""
    return {
        "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
    }  # fmt: skip


def client(service: str, endpoint: str) -> Any:
    """A client of the emulator."""
    options: Any = {
        "endpoint_url": endpoint, "region_name": "us-east-1",
        "aws_access_key_id": "test", "aws_secret_access_key": "test",
    }  # fmt: skip
    return boto3.client(service, **options)


def fill(packing: Packing, endpoint: str) -> None:
    """Make the bucket and the stream, and send the data set."""
    client("s3", endpoint).create_bucket(Bucket=BUCKET)
    client("kinesis", endpoint).create_stream(StreamName=STREAM, ShardCount=SHARDS)
    command = ["replay", "--source", str(SOURCE), "--stream", STREAM, "--packing", packing.value]
    settings = {"INGESTOR_BUCKET": BUCKET, "INGESTOR_SHARD_LIMITS": "false"}
    subprocess.run(
        [sys.executable, "-m", "ingestor", *command],
        env={"PATH": os.environ["PATH"]} | settings | program_environment(endpoint),
        check=True, capture_output=True,
    )  # fmt: skip


def rows_of(source: Path = SOURCE) -> int:
    """Rows that are to arrive."""
    with source.open(encoding="utf-8") as file:
        return sum(1 for _ in file) - 1


class Trickle:
    """As a context: an event a shard every half second."""

    def __init__(self, endpoint: str) -> None:
        self._kinesis = client("kinesis", endpoint)
        (self._event,) = events_of(DOMAIN, 1)
        self._event.event_source = TRICKLE
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go_on)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _go_on(self) -> None:
        row = 0
        while not self._ended.is_set():
            records = []
            for shard in range(SHARDS):
                self._event.event_row = row = row + 1
                key = str((2 * shard + 1) * _HASH_KEYS // (2 * SHARDS))
                records.append(
                    {"Data": encode_event(self._event), "PartitionKey": "t", "ExplicitHashKey": key}
                )
            with suppress(BotoCoreError, ClientError):  # the emulator is busy: next time
                self._kinesis.put_records(StreamName=STREAM, Records=records)
            time.sleep(TRICKLE_SECONDS)
