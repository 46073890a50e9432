"""The check of the KCL's jars names every jar that is not as listed."""

from __future__ import annotations

from pathlib import Path

from requirements import kcl_jars

LISTED = {"a.jar": "11", "b.jar": "22"}


def test_jars_as_listed_pass() -> None:
    assert kcl_jars.differences(LISTED, dict(LISTED)) == []


def test_a_missing_an_extra_and_an_altered_jar_are_each_named() -> None:
    problems = kcl_jars.differences(LISTED, {"b.jar": "33", "c.jar": "44"})
    assert problems == [
        "a.jar is missing",
        "b.jar has SHA-256 33, not 22",
        "c.jar is not on the list",
    ]


def test_an_altered_byte_changes_what_is_found(tmp_path: Path) -> None:
    jar = tmp_path / "a.jar"
    jar.write_bytes(b"as built")
    before = kcl_jars.digests(tmp_path)
    jar.write_bytes(b"as bui1t")
    assert kcl_jars.differences(before, kcl_jars.digests(tmp_path)) != []


def test_an_environment_without_the_jars_fails_the_check(tmp_path: Path) -> None:
    assert kcl_jars.main(["check", str(tmp_path)]) == 1


def test_the_list_holds_the_client_library_and_its_daemon() -> None:
    names = kcl_jars.read_list(kcl_jars.LIST.read_text(encoding="utf-8"))
    assert {"amazon-kinesis-client-3.1.3.jar", "amazon-kinesis-client-multilang-3.1.3.jar"} <= set(
        names
    )
