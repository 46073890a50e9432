"""What a feed sends, and from where."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestor.arguments import parse
from ingestor.feed import given_file, replays
from lake_core.errors import InputError
from lake_core.names import CSV_FILES, Domain

NAME = CSV_FILES[Domain.MANUFACTURING]


def test_the_first_directory_that_has_a_file_counts(tmp_path: Path) -> None:
    given, generated = tmp_path / "given", tmp_path / "generated"
    for directory in (given, generated):
        directory.mkdir()
    (generated / NAME).touch()
    assert given_file(Domain.MANUFACTURING, [given, generated]) == generated / NAME
    (given / NAME).touch()
    assert given_file(Domain.MANUFACTURING, [given, generated]) == given / NAME


def test_a_file_that_is_nowhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{NAME} is not in {tmp_path}"):
        given_file(Domain.MANUFACTURING, [tmp_path])


def test_the_data_set_goes_first_and_the_trickle_goes_on_from_there() -> None:
    asked = parse(["feed", "--directory", "/data", "--trickle", "20/s"])
    data_set, trickle = (parse(r) for r in replays(Domain.ECOMMERCE, "bucket", asked))
    assert (data_set.laps, data_set.start_lap, data_set.rate) == (1, 0, None)
    assert (trickle.laps, trickle.start_lap, trickle.rate) == (None, 1, 20.0)
    assert data_set.resume
    assert trickle.resume
    assert data_set.packing == trickle.packing == "ndjson-zstd"


def test_without_a_trickle_a_feed_ends() -> None:
    asked = parse(["feed", "--directory", "/data"])
    assert len(list(replays(Domain.ECOMMERCE, "bucket", asked))) == 1
