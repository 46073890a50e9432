"""A broken row of a CSV costs nothing but itself."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestor.csv_rows import CsvRows

CELL = st.text(st.characters(codec="ascii", exclude_characters="\r\n\0"), min_size=1, max_size=8)


def rows(text: str) -> list[list[str]]:
    return list(CsvRows(iter(io.StringIO(text, newline=""))))


def test_a_quoted_cell_may_hold_a_comma() -> None:
    assert rows('a,b\n"x, y",2\n') == [["a", "b"], ["x, y", "2"]]


def test_a_quoted_cell_may_hold_a_line_end() -> None:
    assert rows('a,b\n"x\ny",2\n3,4\n') == [["a", "b"], ["x\ny", "2"], ["3", "4"]]


def test_blank_lines_are_no_rows() -> None:
    assert rows("a,b\r\n\r\n1,2\r\n\r\n") == [["a", "b"], ["1", "2"]]


@pytest.mark.parametrize("later", ["3,4\n5,6\n", '3,"x, y"\n5,6\n', "3,4\n" * 40_000])
def test_an_unclosed_quote_spoils_its_own_row_alone(later: str) -> None:
    expected = list(csv.reader(io.StringIO(later)))
    assert rows('a,b\n1,"2\n' + later) == [["a", "b"], ['1,"2'], *expected]


@pytest.mark.parametrize("line", ['"1,2', '1,"2', '"1"x,2', '1,"2"x'])
@pytest.mark.parametrize("later", ["", "3,4\n", '3,"4\n', '"3",4\n'])
def test_no_row_is_lost_behind_a_broken_one(line: str, later: str) -> None:
    end = "7,8\n"
    found = rows(f"a,b\n{line}\n{later}{end}")
    assert found[1] == [line]
    assert found[-1] == ["7", "8"]
    assert len(found) == 3 + bool(later)


def test_a_cell_without_end_is_given_as_its_line() -> None:
    long = "x" * 70_000
    assert rows(f"a,b\n{long},2\n3,4\n") == [["a", "b"], [f"{long},2"], ["3", "4"]]


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=20), st.sampled_from(["\n", "\r\n"]))
def test_well_formed_rows_are_read_as_they_were_written(
    written: list[tuple[str, str]], line_end: str
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end).writerows(written)
    assert rows(text.getvalue()) == [list(row) for row in written]
