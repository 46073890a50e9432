"""The form `arrow-zstd`: what is written is read back, rules hold row by row, bombs are refused."""

from __future__ import annotations

import datetime as dt
import json
import math
import tracemalloc
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import ipc

from lake_core.arrow import event_batch, event_schema
from lake_core.arrow_packed import Unpacked, pack_rows, unpack_rows
from lake_core.errors import PoisonRecord
from lake_core.events import Event
from lake_core.names import Domain
from lake_core.packed import seal, unseal
from lake_core.parsing import parse_event
from lake_core.wire import HEADER_BYTES, MAX_PAYLOAD_BYTES, Form

D = Domain.MANUFACTURING
READING = {
    "timestamp": "2025-01-01 00:02:00", "machine_id": 15, "temperature": 98.94,
    "vibration": 24.98, "humidity": 50.47, "pressure": 1.59, "energy_consumption": 3.08,
    "machine_status": 1, "anomaly_flag": 1, "predicted_remaining_life": 38,
    "failure_type": "Normal", "downtime_risk": 1.0, "maintenance_required": 1,
    "event_source": "f-1-0", "event_row": 7, "ingest_timestamp": "2026-01-02T03:04:05.000006Z",
}  # fmt: skip
EVENT: Event = parse_event(D, json.dumps(READING).encode())


def rows(count: int = 3, columns: dict[str, Any] | None = None, **more: Any) -> pa.RecordBatch:
    """Good readings with some columns given otherwise; null keeps an array's type."""
    batch = event_batch(D, [EVENT] * count)
    for name, values in {**(columns or {}), **more}.items():
        at = batch.schema.get_field_index(name)
        array = (
            values
            if isinstance(values, pa.Array)
            else pa.array(values, batch.schema.field(at).type)
        )
        batch = batch.set_column(at, name, array)
    return batch


def read(record: bytes) -> Unpacked:
    return unpack_rows(D, *unseal(record))


def reasons(batch: pa.RecordBatch) -> dict[int, str]:
    unpacked = read(pack_rows(batch))
    assert len(unpacked.indexes) == unpacked.rows.num_rows
    assert len(unpacked.indexes) + len(unpacked.refused) == batch.num_rows
    return {refused.index: refused.reason for refused in unpacked.refused}


def sealed(batch: pa.RecordBatch, events: int | None = None, **options: Any) -> bytes:
    """A record as a stranger might write it."""
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, batch.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_batch(batch)
    count = batch.num_rows if events is None else events
    return seal(Form.ARROW_ZSTD, count, sink.getvalue().to_pybytes())


def test_rows_are_read_back() -> None:
    unpacked = read(pack_rows(rows()))
    assert unpacked.rows.equals(rows())
    assert (list(unpacked.indexes), list(unpacked.refused)) == ([0, 1, 2], [])


def test_text_may_come_as_words_or_written_out_and_what_is_optional_may_be_missing() -> None:
    batch = rows()
    names = [name for name in batch.schema.names if not name.startswith(("event_", "ingest_"))]
    batch = batch.select(names[::-1])
    at = batch.schema.get_field_index("failure_type")
    for kind in (pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())):
        text = pa.array(["Normal", "Overheating", "Normal"]).cast(kind)
        other = batch.set_column(at, "failure_type", text).append_column("more", pa.nulls(3))
        found = read(sealed(other)).rows
        assert found["failure_type"].to_pylist() == ["Normal", "Overheating", "Normal"]
        assert found["event_row"].null_count == 3


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [
        ("machine_id", 0, "machine_id"),
        ("machine_id", None, "machine_id"),
        ("temperature", 1.1e9, "temperature"),
        ("temperature", math.nan, "'nan'"),
        ("vibration", math.inf, "'inf'"),
        ("downtime_risk", -0.1, "downtime_risk"),
        ("machine_status", 3, "machine_status"),
        ("failure_type", "Rust", "failure_type"),
        ("failure_type", None, "failure_type"),
        ("event_source", "", "event_source"),
        ("event_source", "é" * 513, "event_source"),
        ("event_row", -1, "event_row"),
        ("timestamp", None, "timestamp"),
    ],
)
def test_a_bad_value_costs_its_own_row_only(column: str, value: Any, word: str) -> None:
    good = rows()[column].to_pylist()
    found = reasons(rows(columns={column: [good[0], value, good[2]]}))
    assert list(found) == [1]
    assert word in found[1]


def test_a_time_that_no_calendar_has_costs_its_own_row_only() -> None:
    times = pa.array([0, 2**62, -(2**62)], pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    assert sorted(reasons(rows(timestamp=times))) == [1, 2]
    assert sorted(reasons(rows(ingest_timestamp=times))) == [1, 2]


def test_a_refused_row_is_kept_as_the_plain_json_of_its_values() -> None:
    (refused,) = read(pack_rows(rows(temperature=[1.0, 2e9, 3.0]))).refused
    kept = json.loads(refused.raw)
    assert kept["temperature"] == 2e9
    assert kept["timestamp"].startswith("2025-01-01T00:02:00")
    corrected = parse_event(D, json.dumps({**kept, "temperature": 2.0}).encode())
    assert (corrected.identity, corrected.ingest_timestamp) == (
        ("f-1-0", 7),
        dt.datetime(2026, 1, 2, 3, 4, 5, 6, dt.UTC),
    )


def test_no_unchecked_word_stays_in_a_dictionary() -> None:
    words = pa.array(["Normal", "x" * 100_000, "Overheating"])
    text = pa.DictionaryArray.from_arrays(pa.array([0, 2, 0], pa.int32()), words)
    found: Any = read(pack_rows(rows(failure_type=text))).rows["failure_type"]
    assert found.dictionary.to_pylist() == ["Normal", "Overheating"]
    assert found.to_pylist() == ["Normal", "Overheating", "Normal"]


@pytest.mark.parametrize("words", [["Normal", "Normal"], ["Normal", None]])
def test_a_dictionary_is_of_different_words(words: list[str | None]) -> None:
    text = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0], pa.int32()), pa.array(words))
    with pytest.raises(PoisonRecord, match="different words"):
        read(pack_rows(rows(failure_type=text)))


@pytest.mark.parametrize(
    ("batch", "word"),
    [
        (rows().drop_columns(["pressure"]), "'pressure'"),
        (rows().append_column("pressure", pa.nulls(3, pa.float64())), "2 columns 'pressure'"),
        (rows(pressure=pa.nulls(3, pa.float32())), "'pressure' is float, expected double"),
    ],
)
def test_a_batch_of_other_columns_is_refused_whole(batch: pa.RecordBatch, word: str) -> None:
    with pytest.raises(PoisonRecord, match=word):
        read(sealed(batch))


def test_the_header_tells_the_number_of_rows() -> None:
    with pytest.raises(PoisonRecord, match="3 rows where the header says 4"):
        read(sealed(rows(), events=4))


def test_one_record_has_one_batch() -> None:
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, event_schema(D)) as writer:
        writer.write_batch(rows())
        writer.write_batch(rows())
    with pytest.raises(PoisonRecord, match="2 record batches"):
        read(seal(Form.ARROW_ZSTD, 3, sink.getvalue().to_pybytes()))


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_compressed_buffers_are_refused_before_they_unfold(compression: str) -> None:
    """16 MiB of zstd inside zstd would be hundreds of gigabytes."""
    with pytest.raises(PoisonRecord, match="compressed once more"):
        read(sealed(rows(), compression=compression))
    words = pa.array(["Normal" * 1000]).cast(pa.dictionary(pa.int32(), pa.string()))
    with pytest.raises(PoisonRecord, match="compressed once more"):
        read(sealed(rows(1, failure_type=words), compression=compression))


def test_text_that_unfolds_beyond_a_payload_is_refused() -> None:
    count = 60_000
    text = pa.DictionaryArray.from_arrays(
        pa.array([0] * count, pa.int32()), pa.array(["\U0001f600" * 512])
    )
    record = pack_rows(rows(count, event_source=text))
    tracemalloc.start()
    before = pa.total_allocated_bytes()
    with pytest.raises(PoisonRecord, match="of text are more than"):
        read(record)
    peak = tracemalloc.get_traced_memory()[1] + pa.total_allocated_bytes() - before
    tracemalloc.stop()
    assert peak < 2 * MAX_PAYLOAD_BYTES


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_payload_raises_anything_but_poison(payload: bytes) -> None:
    with suppress(PoisonRecord):
        read(seal(Form.ARROW_ZSTD, 1, b"\xff\xff\xff\xff" + payload))


@settings(deadline=None)
@given(st.data())
def test_no_damage_inside_a_stream_raises_anything_but_poison(data: st.DataObject) -> None:
    _, payload = unseal(pack_rows(rows()))
    damaged = bytearray(payload)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with suppress(PoisonRecord):
        unpacked = read(seal(Form.ARROW_ZSTD, 3, bytes(damaged)))
        unpacked.rows.to_pylist()


def test_the_form_is_number_two() -> None:
    assert pack_rows(rows())[: HEADER_BYTES - 12] == b"\xf5LKP\x02\x00"
