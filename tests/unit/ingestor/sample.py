"""Rows and fakes that the ingestor's tests share."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

from ingestor.putter import PutResult
from ingestor.records import OutgoingRecord
from ingestor.shards import Shard, ShardMap
from ingestor.source import CsvSource
from lake_core.errors import LakeError
from lake_core.names import Domain
from lake_core.schema import csv_header

HASHES = 2**128
# A row of e-commerce, by column.
PURCHASE = dict(
    zip(
        csv_header(Domain.ECOMMERCE),
        [
            "37-611-6911",
            "22",
            "Female",
            "Middle",
            "Married",
            "Bachelor's",
            "Middle",
            "Évry",
            "Gardening & Outdoors",
            "$333.80 ",
            "4",
            "Mixed",
            "5",
            "5",
            "2",
            "None",
            "Somewhat Sensitive",
            "1",
            "7",
            "None",
            "Tablet",
            "Credit Card",
            "3/1/2024",
            "TRUE",
            "FALSE",
            "Need-based",
            "No Preference",
            "2",
        ],
        strict=True,
    )
)


def reading(row: int, **cells: str) -> str:
    """Return a CSV line of manufacturing."""
    values = {
        "timestamp": f"2025-01-01 {row // 60 % 24:02d}:{row % 60:02d}:00",
        "machine_id": str(row % 7 + 1), "temperature": "78.61", "vibration": "28.65",
        "humidity": "79.96", "pressure": "3.73", "energy_consumption": "2.16",
        "machine_status": "1", "anomaly_flag": "0", "predicted_remaining_life": "106",
        "failure_type": "Normal", "downtime_risk": "0.0", "maintenance_required": "0",
    } | cells  # fmt: skip
    return ",".join(values[name] for name in csv_header(Domain.MANUFACTURING))


def csv_of(lines: Sequence[str]) -> bytes:
    return "\n".join([",".join(csv_header(Domain.MANUFACTURING)), *lines, ""]).encode()


def source_of(content: bytes, domain: Domain = Domain.MANUFACTURING) -> CsvSource:
    def opened() -> BinaryIO:
        return io.BytesIO(content)

    return CsvSource(domain, "m.csv", opened)


def shard_map(count: int) -> ShardMap:
    size = HASHES // count
    return ShardMap.of(
        [
            Shard(f"shard-{n}", n * size, HASHES - 1 if n == count - 1 else (n + 1) * size - 1)
            for n in range(count)
        ]
    )


class FakeStream:
    """Keeps what is put; `trouble` may raise, or return the positions it refuses."""

    def __init__(self, trouble: Callable[[int, Sequence[OutgoingRecord]], Any] | None = None):
        self.taken: list[OutgoingRecord] = []
        self.calls: list[int] = []
        self._trouble = trouble

    def put(self, records: Sequence[OutgoingRecord]) -> list[PutResult]:
        self.calls.append(len(records))
        refused = self._trouble(len(self.calls), records) if self._trouble else ()
        if isinstance(refused, LakeError):
            raise refused
        refused = refused or ()
        results = []
        for at, record in enumerate(records):
            if at in refused:
                results.append(PutResult(None, "ProvisionedThroughputExceededException"))
            else:
                self.taken.append(record)
                results.append(PutResult(record.shard_id, None))
        return results


class FakeBucket:
    """A bucket in memory: whole objects and versions."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads = 0

    def get_lines(self, key: str) -> Iterator[bytes]:
        return iter(self.objects.get(key, b"").splitlines())

    def upload(self, key: str, file: Any) -> None:
        self.uploads += 1
        self.objects[key] = file.read()


class Quiet:
    """Progress that is due always and says nothing."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, int, int, int]] = []

    def due(self) -> bool:
        return True

    def show(self, sent: int, quarantined: int, lap: int, row: int) -> None:
        self.shown.append((sent, quarantined, lap, row))
