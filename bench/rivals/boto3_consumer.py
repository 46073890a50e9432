"""The usual consumer by hand: boto3, a process a shard, json, a data frame, Parquet with zstd.

It keeps no place: started again, it reads everything again. Runs in the environment `rivals`.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import time
import uuid
from importlib import import_module
from typing import Any

import boto3

READS_A_SECOND = 5  # Kinesis allows no more of a shard


def consume(stream: str, shard: str) -> None:
    """Read a shard for ever."""
    kinesis, s3 = boto3.client("kinesis"), boto3.client("s3")
    pandas: Any = import_module("pandas")
    started = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )
    iterator, rows, since = started["ShardIterator"], [], time.monotonic()
    while iterator:
        answer = kinesis.get_records(ShardIterator=iterator, Limit=10_000)
        iterator = answer.get("NextShardIterator")
        rows += [json.loads(record["Data"]) for record in answer["Records"]]
        old = time.monotonic() - since > float(os.environ["RIVAL_MAX_AGE_SECONDS"])
        if rows and (old or len(rows) >= int(os.environ["RIVAL_MAX_ROWS"])):
            body = io.BytesIO()
            pandas.DataFrame(rows).to_parquet(body, compression="zstd", index=False)
            key = f"rival/{uuid.uuid4()}.parquet"
            s3.put_object(Bucket=os.environ["RIVAL_BUCKET"], Key=key, Body=body.getvalue())
            rows, since = [], time.monotonic()
        if not answer["Records"]:
            time.sleep(1 / READS_A_SECOND)


def main() -> None:
    """Start a process for each shard."""
    stream = os.environ["RIVAL_STREAM"]
    shards = boto3.client("kinesis").list_shards(StreamName=stream)["Shards"]
    started = [
        multiprocessing.Process(target=consume, args=(stream, shard["ShardId"]), daemon=True)
        for shard in shards
    ]
    for process in started:
        process.start()
    for process in started:
        process.join()


if __name__ == "__main__":
    main()
