"""Rows read as columns are the rows that are read one by one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestor import csv_blocks
from ingestor.csv_columns import GoodRows, column_rows
from ingestor.source import BadRow, CsvSource, GoodRow, shift
from lake_core.arrow import event_batch
from lake_core.names import Domain
from tests.unit.ingestor.sample import ODD, content_of, csv_of, reading, source_of

NOW = dt.datetime(2026, 11, 23, 18, 15, tzinfo=dt.UTC)


def each(source: CsvSource, domain: Domain, days: int) -> Iterator[Any]:
    """Every row as values with identity, or as a refusal."""
    for row in source.rows():
        if isinstance(row, BadRow):
            yield row
            continue
        shift(row.event, days)
        row.event.event_source, row.event.event_row = "s", row.row
        row.event.ingest_timestamp = NOW
        yield event_batch(domain, [row.event]).to_pylist()[0]


def as_columns(source: CsvSource, domain: Domain, days: int) -> Iterator[Any]:
    for piece in column_rows(source):
        if isinstance(piece, GoodRows):
            yield from piece.identified("s", days, NOW).to_pylist()
        elif isinstance(piece, GoodRow):
            shift(piece.event, days)
            piece.event.event_source, piece.event.event_row = "s", piece.row
            piece.event.ingest_timestamp = NOW
            yield event_batch(domain, [piece.event]).to_pylist()[0]
        else:
            yield piece


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from(list(Domain)),
    st.lists(st.tuples(st.integers(0, 29), st.integers(0, 27), st.sampled_from(ODD)), max_size=2),
    st.sampled_from([0, 1, 366]),
    st.sampled_from([100, 1000, 1024 * 1024]),
)
def test_columns_hold_what_rows_hold(
    domain: Domain, odd: list[tuple[int, int, str]], days: int, block: int
) -> None:
    source = source_of(content_of(domain, odd), domain)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_blocks, "BLOCK_BYTES", block)
        assert list(as_columns(source, domain, days)) == list(each(source, domain, days))


@pytest.mark.parametrize("domain", Domain)
def test_sound_rows_go_as_columns(domain: Domain) -> None:
    (rows,) = column_rows(source_of(content_of(domain, []), domain), 7)
    assert isinstance(rows, GoodRows)
    assert (rows.row, rows.count) == (7, 23)


def test_columns_may_stand_in_any_order_beside_others() -> None:
    lines = csv_of([reading(n) for n in range(3)]).decode().splitlines()
    turned = "\n".join("ignored," + ",".join(reversed(line.split(","))) for line in lines)
    (rows,) = column_rows(source_of(f"{turned}\n".encode()))
    assert isinstance(rows, GoodRows)
    assert rows.columns.column("machine_id").to_pylist() == [1, 2, 3]


@pytest.mark.parametrize("extra", ["event_source", "machine_id"])
def test_what_needs_a_closer_look_goes_row_by_row(extra: str) -> None:
    lines = csv_of([reading(0)]).decode().splitlines()
    content = f"{extra},{lines[0]}\nx,{lines[1]}\n".encode()
    assert all(not isinstance(row, GoodRows) for row in column_rows(source_of(content)))
