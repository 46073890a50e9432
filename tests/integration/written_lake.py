"""A lake in a bucket, written as the processor writes it: chains of ranges from rows of a CSV."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lake_core.arrow import Positions, scored_table
from lake_core.events import Event
from lake_core.footer import Footer
from lake_core.layout import Chain, RangeName, hour_of
from lake_core.names import BUCKET, Domain
from lake_core.parquet import encode_object
from lake_core.parsing import event_from_cells
from lake_core.rules import DEFAULT
from tests.aws import Aws

Cells = dict[str, str]
ARRIVAL = 1_795_459_132_361
INCARNATION = "20261123T181500123Z"


def csv_rows(path: Path) -> list[Cells]:
    """The rows of a CSV, as text."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class WrittenLake:
    """Puts ranges into the bucket; each shard is a chain of its own."""

    def __init__(self, aws: Aws) -> None:
        self._s3 = aws.client("s3")
        self._ends: dict[Chain, int] = {}
        self.arrival = ARRIVAL

    def add(
        self, domain: Domain, rows: Sequence[Cells], *, shard: int = 0,
        source: str | None = "f.csv-0a-0", first_row: int = 0, unusable: int = 0,
    ) -> str:  # fmt: skip
        """Write a range of rows behind the shard's last one; return its key."""
        events = [event_from_cells(domain, cells) for cells in rows]
        return self.add_events(
            domain, events, shard=shard, source=source, first_row=first_row, unusable=unusable
        )

    def add_events(
        self, domain: Domain, events: Sequence[Event], *, shard: int = 0,
        source: str | None = "f.csv-0a-0", first_row: int = 0, unusable: int = 0,
    ) -> str:  # fmt: skip
        """Write a range of events behind the shard's last one; return its key."""
        chain = Chain(domain, INCARNATION, f"shardId-{shard:012d}")
        n = len(events)
        after = self._ends.get(chain)
        first = (after or 100) + 1
        last = first + max(1, n + unusable) - 1
        self._ends[chain] = last
        hour = hour_of(dt.datetime.fromtimestamp(self.arrival / 1000, dt.UTC))
        for row, event in enumerate(events, first_row):
            if source is not None:
                event.event_source, event.event_row = source, row
        positions = Positions([str(first + i) for i in range(n)], [0] * n, [self.arrival] * n)
        footer = Footer(
            format_version=1, schema_version=1, scoring_version=DEFAULT.scoring_version,
            domain=domain, shard=chain.shard, incarnation=INCARNATION, first=str(first),
            last=str(last), after=None if after is None else str(after),
            first_arrival=self.arrival, last_arrival=self.arrival, records=n + unusable, rows=n,
            unusable=unusable, payload_bytes=300 * n, stream_bytes=300 * n,
        )  # fmt: skip
        name = RangeName(chain, hour, first)
        self.put(name.key, encode_object(scored_table(domain, events, positions, DEFAULT), footer))
        return name.key

    def put(self, key: str, body: bytes) -> None:
        """Write an object."""
        self._s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def read(self, key: str) -> bytes:
        """Read an object."""
        body: Any = self._s3.get_object(Bucket=BUCKET, Key=key)["Body"]
        return bytes(body.read())

    def keys(self, prefix: str) -> list[str]:
        """The keys below a prefix."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]
