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
]


def read_in_blocks(content: bytes) -> list[list[str]]:
    blocks = CsvBlocks(io.BytesIO(content))
    header = blocks.header()
    found = [] if header is None else [header]
    for block in blocks:
        if isinstance(block, PlainBlock):
            found += [line.split(",") for line in block.lines()]
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


def test_a_quote_takes_only_its_own_row_from_the_fast_way() -> None:
    content = b"h,i\n" + b"1,2\n" * 10 + b'"x, y",2\n' + b"3,4\n" * 10
    blocks = CsvBlocks(io.BytesIO(content))
    blocks.header()
    found = [b.rows if isinstance(b, PlainBlock) else b for b in blocks]
    assert found == [10, ["x, y", "2"], 10]


def test_a_file_without_line_ends_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_blocks, "BLOCK_BYTES", 100)
    monkeypatch.setattr(csv_blocks, "MAX_LINE_CHARACTERS", 300)
    blocks = CsvBlocks(io.BytesIO(b"h,i\n" + b"x" * 2000))
    blocks.header()
    assert all(not isinstance(b, PlainBlock) and len(b[0]) <= 300 for b in blocks)
