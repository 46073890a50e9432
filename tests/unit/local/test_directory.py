"""A start is a new lake; the one before is kept aside once; two at a time are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from lake_core.errors import InputError
from lake_local.directory import link_objects, new_lake, require_space


def test_a_start_makes_a_new_lake_and_keeps_the_one_before(tmp_path: Path) -> None:
    root = tmp_path / ".lake"
    for content in ("first", "second", "third"):
        with new_lake(root) as lake:
            assert not (lake.root / "mark").exists()
            (lake.root / "mark").write_text(content)
    assert (root / "mark").read_text() == "third"
    assert (tmp_path / ".lake.previous" / "mark").read_text() == "second"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lake", ".lake.previous"]


def test_a_second_start_is_refused_and_the_first_is_named(tmp_path: Path) -> None:
    root = tmp_path / ".lake"
    with new_lake(root) as lake:
        lake.run_facts.write_text('{"process": 4711, "api": "http://127.0.0.1:8000"}')
        with (
            pytest.raises(InputError, match=r"process 4711, API http://127.0.0.1:8000"),
            new_lake(root),
        ):
            pass
        assert lake.logs.is_dir()  # the first is untouched
    with new_lake(root):
        pass


def test_a_second_start_is_refused_after_the_first_set_an_old_lake_aside(tmp_path: Path) -> None:
    root = tmp_path / ".lake"
    with new_lake(root):
        pass
    with new_lake(root), pytest.raises(InputError, match="running"), new_lake(root):
        pass


def test_a_disk_that_is_nearly_full_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="GB are free"):
        require_space(tmp_path, minimum=10**18)


def test_objects_are_linked_without_the_emulators_sidecars(tmp_path: Path) -> None:
    stored, objects = tmp_path / "stored", tmp_path / "s3"
    folder = stored / "bucket" / "processed"
    folder.mkdir(parents=True)
    (folder / "a.parquet").write_bytes(b"rows")
    (folder / "a.parquet.meta.json").write_bytes(b"{}")
    assert link_objects(stored, objects) == 1
    assert link_objects(stored, objects) == 1  # again: the same
    found = [path.relative_to(objects) for path in objects.rglob("*") if path.is_file()]
    assert found == [Path("bucket/processed/a.parquet")]
    assert (objects / found[0]).read_bytes() == b"rows"
