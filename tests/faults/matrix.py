"""The rows of the matrix, and how one is run: repetitions at random moments, then the count."""

from __future__ import annotations

import random
import shutil
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.faults.audit import Finding, merged
from tests.faults.misfortunes import unconditional
from tests.faults.scene import Scene

Play = Callable[[Scene], None]


@dataclass(frozen=True, slots=True)
class Row:
    """A fault of the issue's list. Repetitions take its variants in turn."""

    number: int
    name: str
    what: str
    variants: tuple[Play, ...]
    repetitions: int
    missing: Callable[[], str | None] = lambda: None  # why it cannot run here
    resharding: bool = False
    # Variants that must turn red where the conditional write is switched off.
    proving: tuple[Play, ...] = ()
    beside: bool = False  # long and light: runs beside the others


@dataclass(frozen=True, slots=True)
class Options:
    """How the matrix is run."""

    seed: int
    directory: Path
    repeat: int | None = None
    scale: float = 1.0
    outage_seconds: float = 25.0
    conditional: bool = True
    keep: bool = False


@dataclass(slots=True)
class Result:
    """What came of a row."""

    row: Row
    repetitions: int = 0
    finding: Finding = field(default_factory=Finding)
    recoveries: list[float] = field(default_factory=list)
    seconds: float = 0.0
    skipped: str | None = None

    @property
    def green(self) -> bool:
        """Whether nothing is wrong."""
        found = self.finding
        return not (found.lost or found.duplicated or found.stuck or found.problems)

    @property
    def recovery_seconds(self) -> float | None:
        """The median."""
        return round(statistics.median(self.recoveries), 1) if self.recoveries else None


def run_row(row: Row, options: Options, say: Callable[[str], None]) -> Result:
    """Run all repetitions of a row."""
    result = Result(row, skipped=row.missing())
    if result.skipped:
        return result
    began = time.monotonic()
    findings = []
    for repetition in range(options.repeat or row.repetitions):
        play = row.variants[repetition % len(row.variants)]
        started = time.monotonic()
        finding, recoveries = _repetition(row, play, repetition, options)
        findings.append(finding)
        result.repetitions += 1
        result.recoveries += recoveries
        what = f"{row.number:>2} {row.name} #{repetition + 1} {play.__name__}"
        say(_line(what, finding, recoveries, time.monotonic() - started))
    result.finding = merged(findings)
    result.seconds = time.monotonic() - began
    return result


def _repetition(
    row: Row, play: Play, repetition: int, options: Options
) -> tuple[Finding, list[float]]:
    rng = random.Random(f"{options.seed}/{row.name}/{repetition}")  # noqa: S311 - repeatable
    directory = options.directory / f"{row.name}-{repetition}"
    scene = Scene(
        directory, rng, scale=options.scale, outage=options.outage_seconds,
        resharding=row.resharding,
    )  # fmt: skip
    with scene:
        if not options.conditional:
            scene.s3_proxy.rewrite = unconditional
        try:
            play(scene)
            scene.settle()
        except Exception as error:  # noqa: BLE001 - named in the table, and the row is red
            scene.problems.append(f"{type(error).__name__}: {error}")
        try:
            finding = scene.finding()
        except Exception as error:  # noqa: BLE001 - a lake that cannot be counted is red
            finding = Finding(problems=[*scene.problems, f"{type(error).__name__}: {error}"])
    green = not (finding.lost or finding.duplicated or finding.stuck or finding.problems)
    if green and not options.keep:
        shutil.rmtree(directory, ignore_errors=True)
    return finding, scene.recoveries


def _line(what: str, found: Finding, recoveries: list[float], took: float) -> str:
    recovered = ", ".join(f"{seconds:.1f}" for seconds in recoveries)
    text = (
        f"{what}: {found.events} events, "
        f"lost {found.lost}, duplicated {found.duplicated}, stuck {found.stuck}, "
        f"recovered in [{recovered}] s, took {took:.0f} s"
    )
    return "\n     ".join([text, *found.problems[:PROBLEMS_SHOWN]])


PROBLEMS_SHOWN: Final = 5
