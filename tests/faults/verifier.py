"""The product's own verifier, asked beside the independent count. The one place that knows it."""

from __future__ import annotations

import time
from typing import Any

from analytics_api.follower import Follower
from analytics_api.s3_lake import S3Lake
from analytics_api.verify import walk
from lake_core.rules import DEFAULT


def verify(s3: Any, bucket: str) -> list[str]:
    """Return what the product's verifier says against a lake; nothing if it verifies."""
    follower = Follower(S3Lake(s3, bucket), DEFAULT, time.time, stalled_seconds=0)
    try:
        proof = walk(follower, {})
    finally:
        follower.close()
    problems = [why for shard in proof["shards"] for why in shard["problems"]]
    if not proof["verified"] and not problems:
        return ["the verifier finds no shard in the lake"]
    return problems
