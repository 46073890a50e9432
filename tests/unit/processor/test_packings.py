"""The same rows, however they are packed, make the same lake rows and the same quarantine."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any, Final

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lake_core.arrow import event_schema
from lake_core.arrow_packed import pack_rows
from lake_core.layout import Chain, RangeName
from lake_core.names import Domain
from lake_core.packed import pack
from lake_core.parquet import read_object
from lake_core.rules import DEFAULT
from lake_core.schema import SCORE_COLUMNS, Kind, all_columns
from processor.chain import Range
from processor.kcl_protocol import UserRecord
from processor.objects import lake_object, quarantine_object
from processor.records import RecordParser

ARRIVAL = 1795459132361
Row = dict[str, Any]
Outcome = tuple[list[Row], list[tuple[str, Any]]]
_HOUR: Final = dt.timedelta(hours=1, microseconds=7)
_GOOD_TIME: Final = dt.datetime.fromisoformat("2025-01-01T00:02:00")
_TIMES: Final = st.integers(-(10**5), 10**5).map(lambda hours: _GOOD_TIME + hours * _HOUR)
# Around the limits of events.py, on both sides of them.
_NUMBERS: Final = st.sampled_from([-(2**31), -1, 0, 1, 2, 3, 5, 6, 10, 11, 150, 151, 2**31 - 1])
_FLOATS: Final = st.sampled_from([-1e9, -1.0, -0.01, 0.0, 0.5, 1.0, 1.01, 1e9, 1e9 + 1, 0.125])
_TEXTS: Final = st.sampled_from(["", "Normal", "Overheating", "é" * 256, "é" * 257, "None", "a,b"])
_VALUES: Final[dict[Kind, st.SearchStrategy[Any]]] = {
    Kind.INT32: _NUMBERS,
    Kind.INT64: _NUMBERS,
    Kind.FLOAT64: _FLOATS | st.integers(0, 20_000).map(lambda n: n / 100),
    Kind.STRING: _TEXTS,
    Kind.BOOL: st.booleans(),
    Kind.DATE: st.dates(),
    Kind.TIMESTAMP: _TIMES,
}
_GOOD: Final[dict[Kind, Any]] = {
    Kind.INT32: 1, Kind.INT64: 1, Kind.FLOAT64: 0.5, Kind.STRING: "Normal", Kind.BOOL: True,
    Kind.DATE: dt.date(2024, 2, 29), Kind.TIMESTAMP: _GOOD_TIME,
}  # fmt: skip


@st.composite
def some_rows(draw: st.DrawFn, domain: Domain) -> list[Row]:
    made = []
    for _ in range(draw(st.integers(1, 12))):
        row: Row = {column.name: _GOOD[column.kind] for column in all_columns(domain)}
        for column in draw(st.lists(st.sampled_from(all_columns(domain)), max_size=3)):
            row[column.name] = draw(st.none() | _VALUES[column.kind])
        made.append(row)
    return made


def as_json(domain: Domain, row: Row) -> bytes:
    given_values = {c.key: row[c.name] for c in all_columns(domain) if row[c.name] is not None}
    if ingested := given_values.get("ingest_timestamp"):
        given_values["ingest_timestamp"] = ingested.replace(tzinfo=dt.UTC)
    return msgspec.json.encode(given_values)


def as_arrow(domain: Domain, rows: list[Row]) -> bytes:
    columns = [pa.array([r[f.name] for r in rows], f.type) for f in event_schema(domain)]
    return pack_rows(pa.RecordBatch.from_arrays(columns, schema=event_schema(domain)))


def processed(domain: Domain, data: list[bytes]) -> Outcome:
    """What a range of these records writes; positions left out."""
    users = [UserRecord(one, "k", str(n), ARRIVAL, 0) for n, one in enumerate(data)]
    runs = tuple(RecordParser(domain).parse(users, 0.0))
    shard = Chain(domain, "20261123T181500123Z", "shardId-000000000000")
    due = Range(RangeName(shard, runs[0].hour, 0), runs, None)
    body, footer = lake_object(due, DEFAULT, None)
    table = read_object(body, "k")[0]
    assert footer.rows == table.num_rows
    places = table.select(["sequence_number", "record_index"]).to_pylist()
    assert len({tuple(place.values()) for place in places}) == footer.rows
    made = quarantine_object(due)
    lines = [json.loads(line) for line in made[1].splitlines()] if made else []
    refused = [(line["reason"], plain(base64.b64decode(line["data"]))) for line in lines]
    return table.drop_columns(["sequence_number", "record_index"]).to_pylist(), refused


def plain(raw: bytes) -> Any:
    return json.loads(raw)


@pytest.mark.parametrize("domain", list(Domain))
@settings(deadline=None)
@given(data=st.data())
def test_every_packing_gives_the_same_lake(domain: Domain, data: st.DataObject) -> None:
    rows = data.draw(some_rows(domain))
    lines = [as_json(domain, row) for row in rows]
    one_by_one = processed(domain, lines)
    assert processed(domain, [pack(lines)]) == one_by_one
    assert processed(domain, [as_arrow(domain, rows)]) == one_by_one


@pytest.mark.parametrize("domain", list(Domain))
@settings(deadline=None)
@given(data=st.data())
def test_a_range_may_mix_packings(domain: Domain, data: st.DataObject) -> None:
    rows = data.draw(some_rows(domain))
    lines = [as_json(domain, row) for row in rows]
    made, refused = processed(domain, [as_arrow(domain, rows), *lines, pack(lines)])
    alone = processed(domain, lines)
    assert (made, refused) == (alone[0] * 3, alone[1] * 3)


def test_a_range_of_many_small_records_keeps_its_order() -> None:
    domain = Domain.MANUFACTURING
    good: Row = {column.name: _GOOD[column.kind] for column in all_columns(domain)}
    rows = [{**good, "event_row": n, "temperature": float(n)} for n in range(5000)]
    made, _ = processed(domain, [as_json(domain, row) for row in rows])
    assert [row["event_row"] for row in made] == list(range(5000))
    assert made[4999][SCORE_COLUMNS[domain]] > made[0][SCORE_COLUMNS[domain]]
