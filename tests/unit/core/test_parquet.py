"""A lake object carries its footer, and says so when it has been altered."""

from __future__ import annotations

import datetime as dt
import io

import msgspec
import pyarrow.parquet as pq
import pytest

from lake_core.arrow import Positions, lake_schema, scored_table
from lake_core.errors import UnreadableObject
from lake_core.events import Event
from lake_core.footer import Footer, decode_footer, encode_footer
from lake_core.names import Domain
from lake_core.parquet import encode_object, read_footer, read_object
from lake_core.parsing import event_from_cells
from lake_core.rules import DEFAULT
from lake_core.schema import IDENTITY_COLUMNS, columns

CELLS = dict(
    zip(
        (column.key for column in columns(Domain.MANUFACTURING)),
        ("2025-01-01 00:00:00", "39", "78.61", "28.65", "79.96", "3.73", "2.16", "1", "0", "106",
         "Normal", "0.0", "0"),
        strict=True,
    )
)  # fmt: skip
ROWS = 50


def footer(rows: int = ROWS) -> Footer:
    return Footer(
        format_version=1, schema_version=1, scoring_version="default-1",
        domain=Domain.MANUFACTURING, shard="shardId-000000000000",
        incarnation="20261123T181500123Z", first="1", last="50", after=None, first_arrival=1000,
        last_arrival=2000, records=50, rows=rows, unusable=0, payload_bytes=1, stream_bytes=1,
    )  # fmt: skip


def lake_bytes(count: int = ROWS) -> bytes:
    events: list[Event] = [event_from_cells(Domain.MANUFACTURING, CELLS) for _ in range(count)]
    positions = Positions([str(i) for i in range(count)], [0] * count, [1000] * count)
    return encode_object(scored_table(Domain.MANUFACTURING, events, positions, DEFAULT), footer())


def test_rows_and_footer_are_read_back() -> None:
    table, read = read_object(lake_bytes(), "k")
    assert table.num_rows == ROWS
    assert table.schema.equals(lake_schema(Domain.MANUFACTURING))
    assert msgspec.structs.replace(read, data_bytes=0, data_sha256="") == footer()


def test_the_file_is_plain_parquet_for_any_tool() -> None:
    table = pq.read_table(io.BytesIO(lake_bytes()))
    assert table.column("temperature").to_pylist() == [78.61] * ROWS
    assert table.column("maintenance_priority_score").to_pylist() == [0.95] * ROWS


@pytest.mark.parametrize("at", [10, 500, 1000])
def test_an_altered_byte_is_noticed(at: int) -> None:
    altered = bytearray(lake_bytes())
    altered[at] ^= 1
    with pytest.raises(UnreadableObject, match="lake/key"):
        read_object(bytes(altered), "lake/key")


@pytest.mark.parametrize("length", [0, 3, 100, -1])
def test_a_truncated_object_is_noticed(length: int) -> None:
    with pytest.raises(UnreadableObject, match="lake/key"):
        read_object(lake_bytes()[:length], "lake/key")


def test_rows_that_are_not_the_footer_s_are_noticed() -> None:
    with pytest.raises(UnreadableObject, match="49 rows, its footer says 50"):
        read_object(lake_bytes(ROWS - 1), "k")


def test_foreign_parquet_is_refused_by_name() -> None:
    sink = io.BytesIO()
    pq.write_table(lake_schema(Domain.MANUFACTURING).empty_table(), sink)
    with pytest.raises(UnreadableObject, match="no lake footer"):
        read_footer(sink.getvalue(), "k")


def test_a_newer_format_is_refused_before_anything_else_is_read() -> None:
    raw = b'{"format_version":99,"unheard":"of"}'
    with pytest.raises(UnreadableObject, match=r"format 99.*upgrade"):
        decode_footer(raw, "k")
    assert decode_footer(encode_footer(footer()), "k") == footer()


def test_only_what_an_event_may_lack_may_be_null() -> None:
    schema = pq.read_metadata(io.BytesIO(lake_bytes())).schema
    levels = {schema.column(at).name: schema.column(at).max_definition_level for at in range(21)}
    assert {name for name, level in levels.items() if level} == set(IDENTITY_COLUMNS)


def test_days_can_be_chosen_without_reading_the_rows() -> None:
    group = pq.read_metadata(io.BytesIO(lake_bytes())).row_group(0)
    names = [group.column(at).path_in_schema for at in range(21)]
    bounds = group.column(names.index("timestamp")).statistics
    assert bounds is not None
    assert bounds.min == bounds.max == dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    assert not group.column(names.index("machine_id")).is_stats_set
