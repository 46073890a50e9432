"""`python -m tests.faults`: runs the matrix, prints it, writes bench/results/faults.json."""

from __future__ import annotations

import argparse
import dataclasses
import random
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.faults import report
from tests.faults.catalogue import ROWS
from tests.faults.matrix import Options, Result, Row, run_row

RESULTS: Final = Path(__file__).parents[2] / "bench" / "results" / "faults.json"
WIDTH: Final = 150  # where the output is no terminal


def main(arguments: list[str]) -> int:
    """Run the rows asked for; return 0 where every one of them holds."""
    asked = _parse(arguments)
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    if asked.list:
        for row in ROWS:
            console.print(f"{row.number:>2} {row.name:<16} {row.what}")
        return 0
    rows = [row for row in ROWS if asked.only in (None, row.name, str(row.number))]
    if asked.prove:
        rows = [_proving(row) for row in rows if row.proving]
    if not rows:
        console.print(f"no row is named {asked.only}; --list shows them")
        return 2
    seed = random.SystemRandom().randrange(1_000_000) if asked.seed is None else asked.seed
    console.print(f"fault matrix, seed {seed}; an outage lasts {asked.outage:.0f} s")
    began = time.monotonic()
    directory = Path(tempfile.mkdtemp(prefix="faults-"))
    options = Options(
        seed, directory, asked.repeat, asked.scale, asked.outage, not asked.prove, asked.keep
    )
    results = _run(rows, options, console)
    seconds = time.monotonic() - began
    report.show(results, console)
    broken = [result for result in results if not result.green]
    skipped = sum(bool(result.skipped) for result in results)
    counts = f"{len(results)} rows, {len(broken)} broken, {skipped} skipped"
    console.print(f"{seconds:.0f} s, seed {seed}: {counts}")
    if broken or asked.keep:
        console.print(f"logs: {directory}")
    else:
        shutil.rmtree(directory, ignore_errors=True)
    if asked.prove:
        return _proven(results, console)
    if asked.only is None:
        report.write(results, seed, seconds, RESULTS)
        console.print(f"written: {RESULTS}")
    return 1 if broken else 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.faults", description=__doc__)
    parser.add_argument("--only", help="one row, by name or number")
    parser.add_argument("--repeat", type=int, help="repetitions of each row")
    parser.add_argument("--seed", type=int, help="for the same moments again")
    parser.add_argument("--list", action="store_true", help="list the rows and stop")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the events of each row")
    parser.add_argument("--outage", type=float, default=25.0, help="seconds a service is gone")
    parser.add_argument("--keep", action="store_true", help="keep logs and emulators' files")
    parser.add_argument(
        "--prove", action="store_true", help="switch the conditional write off and expect red"
    )
    return parser.parse_args(arguments)


def _proving(row: Row) -> Row:
    return dataclasses.replace(row, variants=row.proving, repetitions=len(row.proving))


def _run(rows: list[Row], options: Options, console: Console) -> list[Result]:
    """Run the rows one after the other, and the long light ones beside them."""
    results: dict[str, Result] = {}

    def run(row: Row) -> None:
        results[row.name] = run_row(row, options, lambda line: console.print(line, markup=False))

    beside = [threading.Thread(target=run, args=(row,)) for row in rows if row.beside]
    for thread in beside:
        thread.start()
    for row in rows:
        if not row.beside:
            run(row)
    for thread in beside:
        thread.join()
    return [results[row.name] for row in rows]


def _proven(results: list[Result], console: Console) -> int:
    """Say whether every row noticed; return the exit code."""
    blind = [result.row.name for result in results if result.green]
    if blind:
        console.print(f"NOT proven: the conditional write was off, and unnoticed by {blind}")
        return 1
    console.print("proven: each of these rows turns red where the conditional write is off")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
