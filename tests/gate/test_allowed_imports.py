"""The import contract of the gate lets through what is listed and nothing else."""

from __future__ import annotations

from tests.gate.allowed_imports import refused


def test_the_standard_library_is_always_allowed() -> None:
    assert refused([("part.pure", "json"), ("part.pure", "os")], [], []) == []


def test_a_library_that_no_rule_names_is_refused() -> None:
    assert refused([("part.pure", "requests")], ["msgspec"], []) == [("part.pure", "requests")]


def test_a_library_allowed_in_one_module_is_refused_in_its_neighbour() -> None:
    rules = ["part.s3_* -> boto3"]
    imports = [("part.s3_store", "boto3.session"), ("part.chain", "boto3")]
    assert refused(imports, [], rules) == [("part.chain", "boto3")]
