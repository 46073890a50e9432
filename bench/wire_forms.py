"""The same events in every wire form, as the lines that KCL writes to a child."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import json
import random
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

from lake_core.arrow import event_batch
from lake_core.arrow_packed import pack_rows
from lake_core.events import Event
from lake_core.names import Domain
from lake_core.packed import pack
from lake_core.parsing import encode_event, event_from_cells

ROOT: Final = Path(__file__).resolve().parent.parent
FILES: Final = {
    Domain.MANUFACTURING: ROOT / "data/smart_manufacturing_data.csv",
    Domain.ECOMMERCE: ROOT / "data/Ecommerce_Consumer_Behavior_Analysis_Data.csv",
}
ARRIVAL: Final = 1_795_459_132_361
PLAIN_RECORDS: Final = 500  # a line
NDJSON_EVENTS: Final = 2200  # about what the ingestor makes, and of rows too
ARROW_EVENTS: Final = 6500
PACKED_RECORDS: Final = 4  # a line
# Out of range in both forms: a column of numbers can hold it, and JSON too.
_SPOILT: Final = {Domain.MANUFACTURING: "machine_id", Domain.ECOMMERCE: "customer_satisfaction"}


def events_of(domain: Domain, count: int, bad_percent: int = 0) -> list[Event]:
    """Return events with identity, some spoilt; a file shorter than that begins again."""
    spoil = random.Random(count)  # noqa: S311 - a fixed choice of rows
    events: list[Event] = []
    with FILES[domain].open(newline="", encoding="utf-8") as file:
        cells = list(islice(csv.DictReader(file), count))
    now = dt.datetime(2026, 11, 23, 18, 15, tzinfo=dt.UTC)
    for row, one in enumerate(islice(cycle(cells), count)):
        event = event_from_cells(domain, one)
        event.event_source, event.event_row = f"{FILES[domain].name}-12345678-0", row
        event.ingest_timestamp = now + dt.timedelta(microseconds=row * 11)
        if spoil.random() * 100 < bad_percent:
            setattr(event, _SPOILT[domain], -1)
        events.append(event)
    return events


def plain_lines(events: Sequence[Event]) -> list[bytes]:
    """One event a record."""
    return _lines([encode_event(event) for event in events], PLAIN_RECORDS)


def ndjson_lines(events: Sequence[Event]) -> list[bytes]:
    """Records of `ndjson-zstd`."""
    chunks = _chunks([encode_event(event) for event in events], NDJSON_EVENTS)
    return _lines([pack(chunk) for chunk in chunks], PACKED_RECORDS)


def arrow_lines(domain: Domain, events: Sequence[Event]) -> list[bytes]:
    """Records of `arrow-zstd`."""
    chunks = _chunks(events, ARROW_EVENTS)
    return _lines([pack_rows(event_batch(domain, chunk)) for chunk in chunks], PACKED_RECORDS)


def _lines(records: Sequence[bytes], a_line: int) -> list[bytes]:
    made, sequence = [], 49_600_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000
    for chunk in _chunks(records, a_line):
        users = []
        for data in chunk:
            sequence += 1
            users.append(_user(data, sequence))
        message = {"action": "processRecords", "records": users, "millisBehindLatest": 0}
        made.append(json.dumps(message).encode())
    return made


def _user(data: bytes, sequence: int) -> dict[str, Any]:
    return {
        "data": base64.b64encode(data).decode(),
        "partitionKey": "17",
        "sequenceNumber": str(sequence),
        "approximateArrivalTimestamp": ARRIVAL,
        "subSequenceNumber": 0,
    }


def _chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
