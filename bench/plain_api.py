"""The insights route the plain way, to compare with: FastAPI's `response_model`, no prepared bytes.

`python -m bench.plain_api <port>`, with the API's own settings in the environment:

- `/counted` keeps the answer in memory as it is counted, and has pydantic check and encode it;
- `/scanned` reads the lake at each request and answers from that, with the API's own reader, which
  is faster than what people write first.
"""

from __future__ import annotations

import sys
import time
from functools import cache
from typing import Any, Final

import boto3
import msgspec
import uvicorn
from fastapi import FastAPI

from analytics_api.follower import Follower
from analytics_api.models import IntegratedInsights
from analytics_api.s3_lake import CLIENT_CONFIG, S3Lake
from analytics_api.snapshot import SnapshotMaker
from lake_core.names import BUCKET
from lake_core.rules import DEFAULT

PATH: Final = "/v1/insights/integrated"
app = FastAPI()


def read_lake() -> Any:
    """Count the whole lake from its first object; return the integrated insights."""
    lake = S3Lake(boto3.client("s3", config=CLIENT_CONFIG), BUCKET)
    follower = Follower(lake, DEFAULT, time.time)
    try:
        follower.catch_up()
        snapshot = SnapshotMaker(follower, DEFAULT).make(time.time(), changed=True)
        return msgspec.json.decode(snapshot.prepared[PATH].body)
    finally:
        follower.close()


kept = cache(read_lake)


@app.get("/counted", response_model=IntegratedInsights)
async def counted() -> Any:
    """From memory."""
    return kept()


@app.get("/scanned", response_model=IntegratedInsights)
def scanned() -> Any:
    """From the lake."""
    return read_lake()


if __name__ == "__main__":
    kept()
    uvicorn.run(
        app, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", http="httptools",
        access_log=False, log_level="warning",
    )  # fmt: skip
