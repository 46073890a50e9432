"""The tables of docs/batch.md, made from their declaration.

.venvs/dev/bin/python -m tests.gate.batch_tables     write them into the document
"""

from __future__ import annotations

from pathlib import Path

from lake_core.catalog import HIVE_TYPES, CuratedTable, curated_tables

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "batch.md"
BEGIN, END = "<!-- tables: made from lake_core.catalog -->\n", "<!-- end of tables -->"


def rendered() -> str:
    """Return all curated tables as Markdown."""
    return "\n".join(_table(table) for table in curated_tables())


def _table(table: CuratedTable) -> str:
    partition = f"partitioned by `{table.partition}`" if table.partition else "not partitioned"
    rows = [f"| `{c.name}` | {HIVE_TYPES[c.kind]} | {c.description} |" for c in table.columns]
    head = [f"### `{table.name}`", "", f"{table.description.capitalize()}; {partition}.", ""]
    return "\n".join([*head, "| column | type | |", "|---|---|---|", *rows, ""])


def split(text: str) -> tuple[str, str, str]:
    """Return the document before, within and behind the tables."""
    before, rest = text.split(BEGIN)
    within, behind = rest.split(END)
    return before + BEGIN, within, END + behind


def main() -> None:
    """Write the tables into the document."""
    before, _, behind = split(DOCUMENT.read_text(encoding="utf-8"))
    DOCUMENT.write_text(before + rendered() + behind, encoding="utf-8")


if __name__ == "__main__":
    main()
