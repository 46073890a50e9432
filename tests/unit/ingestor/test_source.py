"""What a CSV is told to be, and which of its rows can be sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestor.local_file import LocalFile
from ingestor.source import BadRow, GoodRow, event_source, shift
from lake_core.errors import InputError
from lake_core.events import Reading
from lake_core.names import Domain
from lake_core.schema import csv_header
from tests.unit.ingestor.sample import csv_of, reading, source_of


def outcomes(content: bytes) -> list[str]:
    return ["good" if isinstance(row, GoodRow) else row.reason for row in source_of(content).rows()]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; give the manufacturing CSV"),
        (b"a,b\n1,2\n", "is not the manufacturing CSV"),
        (csv_of([reading(0)]).replace(b"humidity,", b""), "lacks a column .*: humidity"),
        (csv_of([]), "has a header and no rows"),
        (csv_of([reading(0)]).decode().encode("utf-16"), "is not the manufacturing CSV"),
    ],
)
def test_a_file_that_is_not_the_right_one_is_refused_by_name(content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=rf"^m\.csv.*{message}"):
        source_of(content).scan()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,2", "2 cells where the header has 13"),
        (reading(1, temperature="hot"), "'temperature': 'hot' is not a float64"),
        (reading(1, timestamp="yesterday"), "timestamp"),
        (reading(1, downtime_risk="7"), "downtime_risk"),
        (reading(1, failure_type='"Normal'), "a quote is not closed"),
    ],
)
def test_a_bad_row_is_told_of_and_its_neighbours_are_read(line: str, reason: str) -> None:
    found = outcomes(csv_of([reading(0), line, reading(2)]))
    assert [found[0], found[2]] == ["good", "good"]
    assert reason in found[1]


def test_bytes_that_are_no_utf8_spoil_their_row_alone() -> None:
    content = csv_of([reading(0), reading(1, failure_type="N\xe9"), reading(2)])
    assert outcomes(content.replace("é".encode(), b"\xe9")) == ["good", "not UTF-8", "good"]


def test_a_byte_order_mark_and_carriage_returns_change_nothing() -> None:
    content = csv_of([reading(0), reading(1)])
    plain = list(source_of(content).rows())
    as_downloaded = b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n")
    assert list(source_of(as_downloaded).rows()) == plain


def test_rows_are_numbered_from_0_and_may_be_read_from_the_middle() -> None:
    source = source_of(csv_of([reading(n) for n in range(5)]))
    assert [row.row for row in source.rows(3)] == [3, 4]


def test_the_identity_names_file_digest_and_lap() -> None:
    source = source_of(csv_of([reading(0)]))
    scan = source.scan()
    assert str(event_source(source, scan, 2)) == f"m.csv-{scan.digest}-2"
    assert len(scan.digest) == 8


def test_a_later_lap_begins_after_the_one_before_has_ended() -> None:
    lines = [reading(0), reading(1, timestamp="2025-01-03 00:00:00"), "bad"]
    source = source_of(csv_of(lines))
    scan = source.scan()
    first, last, bad = source.rows()
    assert isinstance(first, GoodRow)
    assert isinstance(last, GoodRow)
    assert isinstance(bad, BadRow)
    assert isinstance(first.event, Reading)
    assert isinstance(last.event, Reading)
    shift(first.event, scan.span_days)
    assert first.event.timestamp > last.event.timestamp
    assert scan.span_days == 3


def test_a_day_of_purchases_spans_one_day() -> None:
    header = ",".join(csv_header(Domain.ECOMMERCE))
    row = ["x"] * 28
    row[csv_header(Domain.ECOMMERCE).index("Time_of_Purchase")] = "3/1/2024"
    content = f"{header}\r\n{','.join(row)}\r\n".encode()
    assert source_of(content, Domain.ECOMMERCE).scan().span_days == 1


def test_a_file_that_changes_under_a_replay_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(csv_of([reading(0)]))
    file = LocalFile(path)
    file.open().close()
    path.write_bytes(csv_of([reading(0), reading(1)]))
    with pytest.raises(InputError, match="was changed while it was replayed"):
        file.open()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv cannot be read"):
        LocalFile(tmp_path / "none.csv").open()
