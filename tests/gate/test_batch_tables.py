"""docs/batch.md shows the tables as they are declared."""

from __future__ import annotations

from tests.gate.batch_tables import DOCUMENT, rendered, split


def test_the_tables_of_the_document_are_the_declared_ones() -> None:
    _, within, _ = split(DOCUMENT.read_text(encoding="utf-8"))
    assert within == rendered(), "run .venvs/dev/bin/python -m tests.gate.batch_tables"
