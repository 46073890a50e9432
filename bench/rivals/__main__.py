"""Kinesis to Parquet in S3: this lake, and what else one could take, on one emulator in turn.

    .venvs/dev/bin/python -m bench.rivals [--rounds N] [--only WORD]

Writes key `rivals` of bench/results/throughput.json: medians over rounds. A rival that cannot be
had on this machine is told with its reason.
"""

from __future__ import annotations

import argparse
import sys
from statistics import median
from typing import Any, Final

from bench.results_file import update
from bench.rivals.contest import MAX_AGE_SECONDS, MAX_ROWS, Rival, measure
from bench.rivals.entrants import ENTRANTS, CannotBeHadError
from bench.rivals.stream import rows_of

TIMED: Final = (
    "from the first GetRecords that could bring a record to the last object in S3; the stream of 4"
    " shards is full before a rival starts, and gives nothing before it has read of every shard and"
    " settled for 5 s; CPU and peak proportional memory of its whole process tree in that time; a"
    f" file every {MAX_ROWS} rows or {MAX_AGE_SECONDS} s; rows counted by reading the Parquet back"
)


def main() -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="those whose name holds this; writes nothing")
    asked = parser.parse_args()
    rivals, missing = _had(asked.only)
    runs = _runs(rivals, rows_of(), asked.rounds)
    found = {name: _medians(measured) for name, measured in runs.items()}
    if asked.only:
        print(found, missing)
        return 0
    update(rivals={"timed": TIMED, "rounds": asked.rounds, "ways": found, "not_had": missing})
    return 0


def _had(only: str) -> tuple[list[Rival], dict[str, str]]:
    rivals, missing = [], {}
    for name, make in ENTRANTS.items():
        if only not in name:
            continue
        try:
            rivals.append(make())
        except CannotBeHadError as reason:
            missing[name] = str(reason)
            print(f"{name} cannot be had here: {reason}", file=sys.stderr)
    return rivals, missing


def _runs(rivals: list[Rival], rows: int, rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Each in turn within a round: what else runs on the machine touches all alike."""
    runs: dict[str, list[dict[str, Any]]] = {rival.name: [] for rival in rivals}
    for number in range(rounds):
        for rival in rivals:
            runs[rival.name].append(measure(rival, rows))
            print(f"{number + 1}/{rounds} {rival.name}: {runs[rival.name][-1]}", file=sys.stderr)
    return runs


def _medians(measured: list[dict[str, Any]]) -> dict[str, Any]:
    found = {key: median(one[key] for one in measured) for key in measured[0]}
    speeds = [one["events_per_second"] for one in measured]
    return found | {"events_per_second_range": [min(speeds), max(speeds)]}


if __name__ == "__main__":
    sys.exit(main())
