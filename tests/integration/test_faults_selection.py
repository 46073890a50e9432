"""A short selection of the fault matrix (`make faults` runs all of it), and the proof of its check.

Each with three shards against the real KCL, once, with fewer events than the matrix has.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from pathlib import Path

import pytest

from lake_core.layout import Chain, RangeName
from lake_core.parsing import event_from_cells
from lake_core.schema import Column, columns
from tests.faults import rows_processes, rows_services
from tests.faults.audit import Contents, Finding, Found, compare
from tests.faults.catalogue import ROWS
from tests.faults.events import DOMAIN, Entry, cells_of, reading
from tests.faults.matrix import Options, Play, Result, run_row

SCALE = 0.15  # of the events of a row: 3,000
OUTAGE_SECONDS = 8.0
SHARD, SOURCE = "shardId-000000000000", "matrix.csv-00000000-0"
HOUR = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
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
    if conditional and not result.green:
        pytest.fail("\n".join(lines))
    return result


def lake_of(*sequences: int) -> Contents:
    """A lake of one shard with one range, as `read_lake` would find it."""
    name = RangeName(Chain(DOMAIN, "20260101T000000000Z", SHARD), HOUR, sequences[0])
    rows = [
        {column.name: typed(column, cells_of(row)[column.key]) for column in columns(DOMAIN)}
        | {
            "event_source": SOURCE, "event_row": row, "sequence_number": str(row),
            "record_index": 0, "arrival_timestamp": HOUR,
        }
        for row in sequences
    ]  # fmt: skip
    footer = {
        "first": str(sequences[0]), "last": str(sequences[-1]), "after": None, "rows": len(rows),
    }  # fmt: skip
    contents = Contents(ranges=[Found(name, footer, rows)])
    for sequence, row in zip(sequences, rows, strict=True):
        contents.rows[SHARD, sequence, 0].append(row)
    return contents


def typed(column: Column, cell: str) -> object:
    return getattr(event_from_cells(DOMAIN, {**cells_of(0), column.key: cell}), column.name)


def sent(*sequences: int) -> dict[tuple[str, int], tuple[Entry, ...]]:
    return {(SHARD, sequence): (reading(SOURCE, sequence),) for sequence in sequences}


def test_the_count_tells_a_sound_lake_from_one_that_lost_doubled_or_stopped() -> None:
    assert compare(lake_of(1, 2, 3), sent(1, 2, 3)) == Finding(events=3)
    assert compare(lake_of(1, 3), sent(1, 2, 3)).lost == 1
    assert compare(lake_of(1, 2, 2, 3), sent(1, 2, 3)).duplicated == 1
    stopped = compare(lake_of(1, 2), sent(1, 2, 3))
    assert (stopped.lost, stopped.stuck) == (1, 1)


def test_the_count_names_a_changed_cell_a_foreign_row_and_a_broken_link() -> None:
    changed = lake_of(1, 2)
    changed.ranges[0].rows[1]["temperature"] += 0.01
    assert "temperature" in compare(changed, sent(1, 2)).problems[0]
    assert "never sent" in compare(lake_of(1, 2), sent(1)).problems[0]
    torn = lake_of(1, 2)
    torn.ranges[0].footer["after"] = "0"
    assert "is after 0" in compare(torn, sent(1, 2)).problems[0]


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
