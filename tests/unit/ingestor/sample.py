"""Rows and fakes that the ingestor's tests share."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

from ingestor.arrow_packer import ArrowPacker
from ingestor.packers import KplPacker, NdjsonPacker
from ingestor.putter import PutResult
from ingestor.records import OutgoingRecord, PackedRecords, PlainRecords, Records
from ingestor.shards import Shard, ShardMap
from ingestor.source import CsvSource
from lake_core.errors import LakeError
from lake_core.names import Domain
from lake_core.schema import csv_header
from lake_core.wire import Packing

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

# Cells that one reader might take and another refuse, or understand otherwise.
ODD = [
    "", " ", "0x1F", "1e3", "1e0005", "inf", "nan", "+5", "007", "-0", "-1", ".5", "5.", "1_0",
    "1-2", "--1", " 7", "7 ", "99999999999", "1" * 70, "NULL", "None", "true", "TRUE", "2025-01-01",
    "2025-01-01 00:00:60", "2025-02-30 00:00:00", "2025-01-01T00:00:00", "0000-01-01 00:00:00",
    "2/30/2024", "03/01/2024", "2024-03-01", "$5", "$5.00", "$$5.00", "5.00 $", "$1,234.50",
    "x" * 300, '"a, b"', '"7"', '""', '"1,5"', '"$5.00 "',
    "\xa07", "é", "\\", "tab\there", "\x01", "\u2028", "-0.0", "1234567.125", "0.1000",
    "0.000001", "123456789012345.5", "1000000000",
]  # fmt: skip


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


def content_of(domain: Domain, odd: list[tuple[int, int, str]]) -> bytes:
    """A file of 30 rows, some cells (row, column, cell) replaced."""
    header = csv_header(domain)
    rows = [
        reading(n).split(",") if domain is Domain.MANUFACTURING else list(PURCHASE.values())
        for n in range(30)
    ]
    for row, column, cell in odd:
        rows[row][column % len(header)] = cell
    return "\n".join([",".join(header), *map(",".join, rows), ""]).encode()


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


def records_of(packing: Packing, known: Callable[[], ShardMap], payload_bytes: int) -> Records:
    """Return what makes records of readings."""
    domain = Domain.MANUFACTURING
    match packing:
        case Packing.NONE:
            return PlainRecords(domain, known)
        case Packing.NDJSON_ZSTD:
            return PackedRecords(NdjsonPacker(domain), known, payload_bytes, 1.0)
        case Packing.KPL:
            return PackedRecords(KplPacker(domain), known, payload_bytes, 1.0)
        case Packing.ARROW_ZSTD:
            return PackedRecords(ArrowPacker(domain), known, payload_bytes, 1.0)


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
