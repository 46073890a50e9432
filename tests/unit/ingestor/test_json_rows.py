"""The JSON that columns make is that of the events, byte for byte."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestor.csv_columns import GoodRows, column_rows
from ingestor.json_rows import json_lines
from ingestor.source import CsvSource, GoodRow, shift
from lake_core.names import Domain
from lake_core.parsing import encode_event
from tests.unit.ingestor.sample import ODD, PURCHASE, content_of, source_of

NOW: Final = dt.datetime(2026, 11, 23, 18, 15, 0, 120, tzinfo=dt.UTC)
SOURCE: Final = 's"\\-1'  # a file may be called anything
ROWS: Final = 2000


def compared(source: CsvSource, domain: Domain, days: int) -> int:
    """Compare all rows that go as columns; return how many these are."""
    rows = {row.row: row for row in source.rows()}
    count = 0
    for piece in column_rows(source):
        if not isinstance(piece, GoodRows):
            continue
        made = json_lines(domain, piece.identified(SOURCE, days, NOW)).to_pylist()
        for number, line in enumerate(made, piece.row):
            assert line.encode() == encoded(rows[number], days)
        count += len(made)
    return count


def encoded(row: object, days: int) -> bytes:
    assert isinstance(row, GoodRow)
    shift(row.event, days)
    row.event.event_source, row.event.event_row = SOURCE, row.row
    row.event.ingest_timestamp = NOW
    return encode_event(row.event)


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from(list(Domain)),
    st.lists(st.tuples(st.integers(0, 29), st.integers(0, 27), st.sampled_from(ODD)), max_size=2),
    st.sampled_from([0, 1, 366]),
)
def test_odd_cells(domain: Domain, odd: list[tuple[int, int, str]], days: int) -> None:
    compared(source_of(content_of(domain, odd), domain), domain, days)


@pytest.mark.parametrize("domain", Domain)
def test_many_values_of_every_kind(domain: Domain) -> None:
    assert compared(source_of(drawn(domain), domain), domain, 3) == ROWS


def drawn(domain: Domain) -> bytes:
    """A file with cells of every canonical spelling, drawn with a seed."""
    draw = random.Random(9)  # noqa: S311 - only to be different
    words = ["é", "a b", "\\", "\t", "’", "😀", "\x7f", "\u2028"]
    cells: dict[str, Callable[[], str]] = {
        "timestamp": lambda: (
            f"{draw.randint(1, 9998):04}-{draw.randint(1, 12):02}-"
            f"{draw.randint(1, 28):02} {draw.randint(0, 23):02}:{draw.randint(0, 59):02}:00"
        ),
        "machine_id": lambda: str(draw.randint(1, 2**31 - 1)),
        "Customer_ID": lambda: draw.choice(words) * draw.randint(1, 9),
        "Location": lambda: draw.choice(words) + draw.choice(words),
        "Purchase_Amount": lambda: f"${draw.uniform(0, 10_000):.2f} ",
        "Time_of_Purchase": lambda: f"{draw.randint(1, 12)}/{draw.randint(1, 28)}/2024",
        "Discount_Used": lambda: draw.choice(["TRUE", "FALSE", "true"]),
        "temperature": lambda: repr(round(draw.uniform(-1, 1) * 10 ** draw.randint(0, 8), 3)),
        "vibration": lambda: repr(draw.uniform(-1, 1)),
        "humidity": lambda: draw.choice(["-0.0", "0.0", "1.50", "7", "1000000000", "0.00001"]),
    }
    sample = PURCHASE
    if domain is Domain.MANUFACTURING:
        header, row = (line.split(",") for line in content_of(domain, []).decode().split("\n")[:2])
        sample = dict(zip(header, row, strict=True))
    lines = [
        ",".join(cells[name]() if name in cells else cell for name, cell in sample.items())
        for _ in range(ROWS)
    ]
    return "\n".join([",".join(sample), *lines, ""]).encode()
