"""A short selection of the fault matrix (`make faults` runs all of it), and the proof of its check.

Each with three shards against the real KCL, once, with fewer events than the matrix has.
"""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest

from tests.faults import rows_processes, rows_services
from tests.faults.catalogue import ROWS
from tests.faults.matrix import Options, Play, Result, run_row

SCALE = 0.15  # of the events of a row: 3,000
OUTAGE_SECONDS = 8.0
pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]


def run(name: str, play: Play, directory: Path, *, conditional: bool = True) -> Result:
    seed = random.SystemRandom().randrange(1_000_000)
    row = dataclasses.replace(next(row for row in ROWS if row.name == name), variants=(play,))
    options = Options(
        seed=seed, directory=directory, repeat=1, scale=SCALE, outage_seconds=OUTAGE_SECONDS,
        conditional=conditional,
    )  # fmt: skip
    lines: list[str] = [f"seed {seed}"]
    result = run_row(row, options, lines.append)
    pytest.fail("\n".join(lines)) if conditional and not result.green else None
    return result


def test_a_child_killed_between_lake_object_and_checkpoint_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    run("child-killed", rows_processes.child_killed_after_lake_object, tmp_path)


def test_puts_that_are_applied_late_or_never_answered_lose_and_double_nothing(
    tmp_path: Path,
) -> None:
    run("s3-faults", rows_services.s3_late, tmp_path)


def test_a_worker_that_was_paused_until_its_leases_were_taken_does_no_harm(tmp_path: Path) -> None:
    run("zombie", rows_processes.paused_until_written_past, tmp_path)


def test_without_the_conditional_write_the_same_pause_is_noticed(tmp_path: Path) -> None:
    """A check that cannot fail is worthless: this is the lake that I3 prevents."""
    play = rows_processes.paused_until_written_past
    broken = run("zombie", play, tmp_path, conditional=False).finding
    assert broken.lost or broken.duplicated
