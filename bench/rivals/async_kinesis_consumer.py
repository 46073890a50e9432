"""async-kinesis, its records as data frames into Parquet with zstd.

Runs in the environment `rivals`. With its in-memory checkpoints, its default: started again, it
reads everything again.
"""

from __future__ import annotations

import asyncio
import io
import os
import time
import uuid
from importlib import import_module
from typing import Any

import boto3

QUEUED = 100_000  # what was read ahead; the default of 10,000 holds one read of one shard
READS_A_SECOND = 5  # Kinesis allows no more of a shard; the default is one


async def consume() -> None:
    """Read all shards for ever."""
    kinesis: Any = import_module("kinesis")
    s3 = boto3.client("s3")
    rows: list[dict[str, Any]] = []
    since = time.monotonic()
    async with kinesis.Consumer(
        stream_name=os.environ["RIVAL_STREAM"],
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        region_name=os.environ["AWS_REGION"],
        max_queue_size=QUEUED,
        shard_fetch_rate=READS_A_SECOND,
        idle_timeout=float(os.environ["RIVAL_MAX_AGE_SECONDS"]),
        processor=kinesis.JsonProcessor(),
    ) as consumer:
        while True:
            async for row in consumer:  # ends whenever nothing came for idle_timeout
                rows.append(row)
                old = time.monotonic() - since > float(os.environ["RIVAL_MAX_AGE_SECONDS"])
                if old or len(rows) >= int(os.environ["RIVAL_MAX_ROWS"]):
                    await asyncio.to_thread(write, s3, rows)
                    rows, since = [], time.monotonic()
            if rows:
                await asyncio.to_thread(write, s3, rows)
                rows, since = [], time.monotonic()


def write(s3: Any, rows: list[dict[str, Any]]) -> None:
    """Put an object."""
    pandas: Any = import_module("pandas")
    body = io.BytesIO()
    pandas.DataFrame(rows).to_parquet(body, compression="zstd", index=False)
    key = f"rival/{uuid.uuid4()}.parquet"
    s3.put_object(Bucket=os.environ["RIVAL_BUCKET"], Key=key, Body=body.getvalue())


if __name__ == "__main__":
    asyncio.run(consume())
