"""Generated files are kept, never half written, and never put over a person's own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from lake_core.errors import InputError
from lake_core.names import CSV_FILES, Domain
from lake_local import data_set
from lake_local.data_set import generated_file, require_readable
from lake_local.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_directory=tmp_path / "data", manufacturing_rows=20, ecommerce_rows=5)


@pytest.mark.parametrize("domain", list(Domain))
def test_a_file_is_written_once_and_kept(domain: Domain, settings: Settings) -> None:
    file = generated_file(domain, settings)
    assert not file.ready()
    file.write()
    assert file.ready()
    written = file.path.stat().st_mtime_ns
    file.write()
    assert file.path.stat().st_mtime_ns == written
    rows = {Domain.MANUFACTURING: 20, Domain.ECOMMERCE: 5}[domain]
    assert len(file.path.read_text(encoding="utf-8").splitlines()) == rows + 1


def test_another_size_is_written_anew(settings: Settings) -> None:
    generated_file(Domain.MANUFACTURING, settings).write()
    larger = dataclasses.replace(settings, manufacturing_rows=30)
    file = generated_file(Domain.MANUFACTURING, larger)
    assert not file.ready()
    assert len(file.write().read_text().splitlines()) == 31


def test_a_cut_off_file_is_not_ready(settings: Settings) -> None:
    file = generated_file(Domain.MANUFACTURING, settings)
    file.path.write_bytes(file.write().read_bytes()[:-10])
    assert not file.ready()


def test_a_persons_file_is_not_overwritten(settings: Settings) -> None:
    settings.data_directory.mkdir()
    own = settings.data_directory / CSV_FILES[Domain.ECOMMERCE]
    own.write_text("mine")
    with pytest.raises(InputError, match="ECOMMERCE_CSV"):
        generated_file(Domain.ECOMMERCE, settings).write()
    assert own.read_text() == "mine"


def test_an_interrupted_writing_leaves_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(path: Path, rows: int) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt(rows)

    monkeypatch.setitem(data_set._WRITERS, Domain.ECOMMERCE, breaks)
    with pytest.raises(KeyboardInterrupt):
        generated_file(Domain.ECOMMERCE, settings).write()
    assert list(settings.data_directory.iterdir()) == []


def test_a_missing_file_a_folder_and_an_empty_file_are_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.touch()
    for path, reason in (
        (tmp_path / "none.csv", "does not exist"),
        (tmp_path, "is not a file"),
        (empty, "is empty"),
    ):
        with pytest.raises(InputError, match=rf"{path}.*{reason}.*MANUFACTURING_CSV"):
            require_readable(path, "MANUFACTURING_CSV")
