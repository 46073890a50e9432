"""Sees ranges appear in the lake, and when: for recovery times and for knowing all is there."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lake_core.layout import RangeName, processed_prefix
from lake_core.parquet import read_footer
from tests.faults.events import DOMAIN

POLL_SECONDS: Final = 0.25


class Watcher:
    """Polls the listing of the lake in a thread."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._seen: set[str] = set()
        self._records: Counter[str] = Counter()  # Kinesis records in the lake, by shard
        # By shard: a moment at which its last range was not there yet.
        self._absent_at: dict[str, float] = {}
        self._looked = -1.0
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._ending.set()
        self._thread.join(30)

    def records(self) -> dict[str, int]:
        """Return how many records of each shard the lake holds."""
        with self._lock:
            return dict(self._records)

    def committed_since(self, shard: str, moment: float) -> bool:
        """Whether a range of the shard was written after a moment (`time.monotonic`)."""
        with self._lock:
            return self._absent_at.get(shard, -1.0) > moment

    def _run(self) -> None:
        while not self._ending.wait(POLL_SECONDS):
            try:
                self._look()
            except (BotoCoreError, ClientError):
                continue  # the emulator is away; the deadlines of those who wait will say so

    def _look(self) -> None:
        began = time.monotonic()
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=processed_prefix(DOMAIN)
        )
        for key in [item["Key"] for page in pages for item in page.get("Contents", [])]:
            name = RangeName.parse(key)
            if key in self._seen or name is None:
                continue
            body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            footer = read_footer(body, key)
            with self._lock:
                self._seen.add(key)
                self._records[name.chain.shard] += footer.records
                self._absent_at[name.chain.shard] = self._looked
        self._looked = began
