"""What a child takes at most, whatever arrives: its peak with all it has loaded, in MiB.

A message of KCL is one GetRecords, and Kinesis gives at most 10 MiB in one: ten records of 1 MiB,
however many PROCESSOR_MAX_RECORDS would allow.
"""

from __future__ import annotations

import base64
import json
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from lake_core.arrow import event_schema
from lake_core.arrow_packed import pack_rows
from lake_core.names import Domain
from lake_core.packed import pack
from lake_core.wire import MAX_EVENTS, MAX_PAYLOAD_BYTES, MAX_RECORD_BYTES

# A range of 32 MiB of entries with the record that overfills it, once as columns, once as the file
# in the making, and the message they came in (measured: 203 of which 72 are Python and pyarrow).
MOST_MEBIBYTES: Final = 320
# When every row is refused it becomes an object, a reason, its JSON, and a line of the quarantine
# object in base64, twice while that is put together (measured: 445, four records of text).
MOST_MEBIBYTES_REFUSED: Final = 512
RECORDS_A_MESSAGE: Final = 10
DOMAIN: Final = Domain.MANUFACTURING
HERE: Final = Path(__file__).resolve().parent
ARRIVAL: Final = 1795459132361
GOOD: Final[dict[str, Any]] = {
    "timestamp": "2025-01-01 00:02:00", "machine_id": 15, "temperature": 98.0, "vibration": 24.0,
    "humidity": 50.0, "pressure": 1.0, "energy_consumption": 3.0, "machine_status": 1,
    "anomaly_flag": 1, "predicted_remaining_life": 38, "failure_type": "Normal",
    "downtime_risk": 1.0, "maintenance_required": 1,
}  # fmt: skip


def peak(mode: str, *messages: bytes) -> float:
    done = subprocess.run(
        [sys.executable, str(HERE / "peak_of_child.py"), mode],
        input=b"".join(messages), check=True, capture_output=True,
    )  # fmt: skip
    return float(done.stdout)


def message(records: Sequence[bytes], first: int, *, aggregated: bool = False) -> bytes:
    """As KCL writes it; the user records of an aggregate share its number."""
    users = [
        {
            "data": base64.b64encode(data).decode(), "partitionKey": "15",
            "sequenceNumber": str(496 * 10**53 + first + (0 if aggregated else n)),
            "approximateArrivalTimestamp": ARRIVAL, "subSequenceNumber": n if aggregated else 0,
        }
        for n, data in enumerate(records)
    ]  # fmt: skip
    return json.dumps({"action": "processRecords", "records": users}).encode() + b"\n"


def full_of_lines() -> bytes:
    """A record of about 1 MiB that unfolds to nearly 16: many readings of their own, then one."""
    chance = random.Random(1)  # noqa: S311 - the same each time
    own = {name: value for name, value in GOOD.items() if isinstance(value, float)}
    lines: list[bytes] = []
    size = 0
    while size < MAX_PAYLOAD_BYTES - 1000 and len(lines) < MAX_EVENTS:
        event = dict(GOOD)
        if len(lines) < 54_000:
            event |= {name: round(chance.random() * value, 2) for name, value in own.items()}
        lines.append(json.dumps(event, separators=(",", ":")).encode())
        size += len(lines[-1]) + 1
    return pack(lines)


def full_of_rows(machine: int) -> bytes:
    """65,536 equal rows, some text in each."""
    values = GOOD | {"event_source": "s" * 100, "event_row": 1, "ingest_timestamp": None}
    arrays: list[Any] = []
    for field in event_schema(DOMAIN):
        value: Any = 1_735_689_720_000_000 if field.name == "timestamp" else values[field.name]
        value = machine if field.name == "machine_id" else value
        kind: Any = field.type
        if isinstance(kind, pa.DictionaryType):
            words = pa.array([value], pa.string())
            rows = pa.array([0] * MAX_EVENTS, pa.int32())
            arrays.append(pa.DictionaryArray.from_arrays(rows, words))
        else:
            arrays.append(pa.array([value] * MAX_EVENTS, kind))
    return pack_rows(pa.RecordBatch.from_arrays(arrays, schema=event_schema(DOMAIN)))


def test_full_messages_of_full_records_have_a_bound() -> None:
    record = full_of_lines()
    assert 0.9 * MAX_RECORD_BYTES < len(record) <= MAX_RECORD_BYTES
    messages = [message([record] * RECORDS_A_MESSAGE, first) for first in (1, 100)]
    assert peak("child", *messages) < MOST_MEBIBYTES


def test_columns_have_the_same_bound() -> None:
    messages = [
        message([full_of_rows(machine=15)] * RECORDS_A_MESSAGE, first) for first in (1, 100)
    ]
    assert peak("child", *messages) < MOST_MEBIBYTES


def test_records_of_which_every_row_is_refused_have_a_bound() -> None:
    assert peak("child", message([full_of_rows(machine=-1)] * 4, 1)) < MOST_MEBIBYTES_REFUSED


def test_an_aggregate_of_packed_records_unfolds_to_no_more_than_one_of_them() -> None:
    # 400 of 1.6 KB: an aggregate of 0.7 MB that holds 26 million rows. Here a quarter of it.
    users = [full_of_rows(machine=15)] * 100
    assert sum(map(len, users)) < MAX_RECORD_BYTES / 4
    assert peak("parse", message(users, 1, aggregated=True)) < MOST_MEBIBYTES
