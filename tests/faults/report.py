"""The matrix as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.faults.audit import shortened
from tests.faults.matrix import Result


def show(results: Iterable[Result], console: Console) -> None:
    """Print the table, and below it what is wrong."""
    table = Table(title="Fault matrix: real KCL, counted independently of the product")
    table.add_column("#", justify="right")
    table.add_column("fault")
    for name in ("repetitions", "events", "lost", "duplicated", "stuck", "recovery s"):
        table.add_column(name, justify="right")
    table.add_column("")
    results = list(results)
    for result in results:
        table.add_row(*_cells(result))
    console.print(table)
    for result in results:
        if result.skipped:
            console.print(f"[yellow]SKIPPED {result.row.name}: {result.skipped}")
        for problem in shortened(result.finding.problems):
            console.print(f"{result.row.name}: {problem}", style="red", markup=False)


def _cells(result: Result) -> tuple[str, ...]:
    row, found = result.row, result.finding
    if result.skipped:
        return (str(row.number), row.what, "0", *["-"] * 5, "[yellow]skipped")
    counts = (found.events, found.lost, found.duplicated, found.stuck)
    recovery = "-" if result.recovery_seconds is None else f"{result.recovery_seconds:.1f}"
    verdict = "[green]holds" if result.green else "[red]BROKEN"
    texts = (str(row.number), row.what, str(result.repetitions), *(f"{n:,}" for n in counts))
    return (*texts, recovery, verdict)


def write(results: Iterable[Result], seed: int, seconds: float, path: Path) -> None:
    """Write what the README and the issue quote."""
    rows = [_row(result) for result in results]
    document = {"seed": seed, "seconds": round(seconds), "rows": rows}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _row(result: Result) -> dict[str, Any]:
    found = result.finding
    made: dict[str, Any] = {
        "fault": f"{result.row.number} {result.row.name}",
        "repetitions": result.repetitions,
        "events": found.events,
        "lost": found.lost,
        "duplicated": found.duplicated,
        "stuck": found.stuck,
        "recovery_seconds": result.recovery_seconds,
    }
    if result.skipped:
        made["skipped"] = result.skipped
    if found.problems:
        made["problems"] = shortened(found.problems)
    return made
