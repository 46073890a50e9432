"""A file read in blocks has the rows it has line by line."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestor import csv_blocks
from ingestor.csv_blocks import CsvBlocks, PlainBlock
from ingestor.csv_rows import CsvRows

PIECES = [
    "a",
    "bc",
    "1.5",
    "é",
    ",",
    "\n",
    "\r\n",
    "\r",
    '"',
    '""',
    " ",
    "\n\n",
    "x,y\n",
    '"p\nq",1\n',
    '"q, r"',
    ',"s"\n',
]


def read_in_blocks(content: bytes) -> list[list[str]]:
    blocks = CsvBlocks(io.BytesIO(content))
    header = blocks.header()
    found = [] if header is None else [header]
    for block in blocks:
        if isinstance(block, PlainBlock):
            found += block.cells()
        else:
            found.append(block)
    return found


def read_by_line(content: bytes) -> list[list[str]]:
    text = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", "surrogateescape", newline="")
    return list(CsvRows(iter(text)))


@given(st.lists(st.sampled_from(PIECES), max_size=40), st.integers(1, 40), st.booleans())
def test_blocks_change_nothing(pieces: list[str], size: int, marked: bool) -> None:
    content = ("\ufeff" * marked + "h,i\n" + "".join(pieces)).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_blocks, "BLOCK_BYTES", size)
        assert read_in_blocks(content) == read_by_line(content)


def test_bytes_that_are_no_text_stay_in_their_row() -> None:
    assert read_in_blocks(b"h\n\xff\n2\n") == [["h"], ["\udcff"], ["2"]]


def blocks_of(content: bytes) -> list[int | list[str]]:
    """Each plain block as its number of rows, other rows as their cells."""
    blocks = CsvBlocks(io.BytesIO(content))
    blocks.header()
    return [block.rows if isinstance(block, PlainBlock) else block for block in blocks]


def test_quotes_around_cells_take_nothing_from_the_fast_way() -> None:
    content = b"h,i\n" + b"1,2\n" * 10 + b'"x, y",2\r\n' * 100 + b"3,4\n" * 10
    assert blocks_of(content) == [120]


def test_an_odd_quote_takes_only_its_own_row_from_the_fast_way() -> None:
    content = b"h,i\n" + b'1,"2"\n' * 10 + b'"x ""y""",2\n' + b"3,4\n" * 10
    assert blocks_of(content) == [10, ['x "y"', "2"], 10]


def test_the_column_of_a_block_leaves_out_rows_of_another_width() -> None:
    block = PlainBlock(b'1,2,3\n4,5\n"6,7",8,9\n"a","b"\nc,d,e')
    assert sorted(block.column(1, 3)) == ["2", "8", "d"]


def test_a_file_without_line_ends_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_blocks, "BLOCK_BYTES", 100)
    monkeypatch.setattr(csv_blocks, "MAX_LINE_CHARACTERS", 300)
    blocks = CsvBlocks(io.BytesIO(b"h,i\n" + b"x" * 2000))
    blocks.header()
    assert all(not isinstance(b, PlainBlock) and len(b[0]) <= 300 for b in blocks)
