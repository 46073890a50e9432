"""Decode, score and write Parquet on one core, beside how else one does it; bytes a row; memory.

    .venvs/bench/bin/python -m bench.throughput [--quick]

CPU seconds, the ways taken in turn within each round, ratios from the same round: what else runs
on the machine touches all of them alike. Writes bench/results/throughput.json; `--quick` writes
nothing and ends with 1 if a ratio is worse than it has to be.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # read when polars is imported

from bench import storage
from bench.results_file import update
from bench.rival_ways import PolarsWay, PydanticWay
from bench.steps import Steps, range_of
from bench.wire_forms import arrow_lines, events_of, ndjson_lines, plain_lines
from lake_core.names import Domain
from lake_core.parquet import encode_object
from lake_core.rules import DEFAULT
from processor.kcl_protocol import ProcessRecords, decode_message
from processor.objects import lake_object, scored_rows
from processor.record_run import RecordRun
from processor.records import RecordParser

ROWS: Final = 50_000  # of a range, as PROCESSOR_MAX_ROWS says
Way = Callable[[], tuple[int, int]]
# Below what docs/performance.md measured by what a noisy machine takes away: they guard against
# getting slower, they are not the goals. Sizes do not depend on the machine.
LEAST_JSON_TO_PLAIN: Final = 3.3
LEAST_ARROW_TO_JSON: Final = 2.2
MOST_TO_ENTROPY: Final = 1.31


@dataclass(frozen=True, slots=True)
class Case:
    """A domain with some bad records."""

    domain: Domain
    bad_percent: int

    @property
    def name(self) -> str:
        """Its key in the results."""
        return f"{self.domain.value}, {self.bad_percent} % bad"

    def ways(self, rows: int) -> dict[str, Way]:
        """Every way from KCL's lines to a Parquet file in memory."""
        events = events_of(self.domain, rows, self.bad_percent)
        plain = plain_lines(events)
        ndjson, arrow = ndjson_lines(events), arrow_lines(self.domain, events)
        pydantic_way, polars_way = PydanticWay(self.domain), PolarsWay(self.domain)
        return {
            "json": lambda: ours(self.domain, plain),
            "ndjson-zstd": lambda: ours(self.domain, ndjson),
            "arrow-zstd": lambda: ours(self.domain, arrow),
            "json + pydantic + pandas": lambda: pydantic_way.run(plain),
            "json + polars": lambda: polars_way.run(plain),
        }


def runs_of(domain: Domain, lines: Sequence[bytes]) -> Iterator[RecordRun]:
    """Parse lines as a child does."""
    parser = RecordParser(domain)
    for line in lines:
        message = decode_message(line)
        assert isinstance(message, ProcessRecords)
        yield from parser.parse(message.records, 0.0)


def ours(domain: Domain, lines: Sequence[bytes]) -> tuple[int, int]:
    """Return rows and bytes of a range made of the lines."""
    body, footer = lake_object(range_of(domain, tuple(runs_of(domain, lines))), DEFAULT, None)
    return footer.rows, len(body)


def seconds(way: Way) -> float:
    """CPU seconds of one run."""
    gc.collect()
    began = time.process_time()
    way()
    return time.process_time() - began


def per_core(case: Case, rows: int, rounds: int) -> dict[str, Any]:
    """Events a second and core of every way, and its ratio to the plain one."""
    ways = case.ways(rows)
    written = {name: way() for name, way in ways.items()}
    assert len({count for count, _ in written.values()}) == 1, written
    taken = [{name: seconds(way) for name, way in ways.items()} for _ in range(rounds)]
    plain = "json + pydantic + pandas"
    return {
        name: {
            "events_per_second": round(rows / median(one[name] for one in taken)),
            "ratio_to_plain": round(median(one[plain] / one[name] for one in taken), 2),
            "bytes_per_row": round(written[name][1] / written[name][0], 2),
        }
        for name in ways
    }


def sizes() -> dict[str, Any]:
    """Bytes a row by rows a file."""
    domain = storage.DOMAIN
    events = events_of(domain, max(storage.SIZES))
    runs = tuple(runs_of(domain, arrow_lines(domain, events)))
    whole = scored_rows(domain, runs, DEFAULT)
    footer = lake_object(range_of(domain, runs), DEFAULT, None)[1]
    ours_, firehose = {}, {}
    for rows in storage.SIZES:
        table = whole.slice(0, rows)
        ours_[rows] = round(len(encode_object(table, footer)) / rows, 2)
        firehose[rows] = round(storage.firehose_bytes(table) / rows, 2)
    joint, by_column = storage.joint_entropy_bytes(), storage.column_entropy_bytes(whole)
    most = max(storage.SIZES)
    return {
        "bytes_per_row": ours_,
        "as_firehose_writes": firehose,
        "entropy_joint": round(joint, 2),
        "entropy_by_column": round(by_column, 2),
        "ratio_to_entropy": round(ours_[most] / joint, 3),
        "ratio_to_entropy_by_column": round(ours_[most] / by_column, 3),
        "ratio_of_firehose": round(firehose[most] / ours_[most], 2),
    }


def main() -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    if parser.parse_args().quick:
        return quick()
    cases = [Case(domain, bad) for domain in Domain for bad in (0, 1, 10)]
    cores = {case.name: per_core(case, ROWS, 5) for case in cases}
    sound = cores[Case(Domain.MANUFACTURING, 0).name]
    stored = sizes()
    wholly = events_of(Domain.MANUFACTURING, ROWS)
    steps = {
        "json": Steps(Domain.MANUFACTURING, plain_lines(wholly)).run(9),
        "ndjson-zstd": Steps(Domain.MANUFACTURING, ndjson_lines(wholly)).run(9),
        "arrow-zstd": Steps(Domain.MANUFACTURING, arrow_lines(Domain.MANUFACTURING, wholly)).run(9),
    }
    update(
        json_ratio_to_plain=sound["json"]["ratio_to_plain"],
        json_events_per_second=sound["json"]["events_per_second"],
        arrow_events_per_second=sound["arrow-zstd"]["events_per_second"],
        bytes_per_event=stored["bytes_per_row"][max(storage.SIZES)],
        ratio_to_entropy=stored["ratio_to_entropy"],
        per_core=cores,
        microseconds_by_step=steps,
        storage=stored,
    )
    return 0


def quick() -> int:
    """Compare ratios with the least they have to be."""
    found = per_core(Case(Domain.MANUFACTURING, 1), 20_000, 3)
    stored = sizes()
    json_ratio = found["json"]["ratio_to_plain"]
    arrow_ratio = round(found["arrow-zstd"]["ratio_to_plain"] / json_ratio, 2)
    checks = [
        ("json, times as fast as json + pydantic + pandas", json_ratio, ">=", LEAST_JSON_TO_PLAIN),
        ("arrow-zstd, times as fast as json", arrow_ratio, ">=", LEAST_ARROW_TO_JSON),
        ("bytes a row to entropy", stored["ratio_to_entropy"], "<=", MOST_TO_ENTROPY),
    ]
    failed = 0
    for what, value, word, limit in checks:
        held = value >= limit if word == ">=" else value <= limit
        failed += not held
        print(f"{'ok    ' if held else 'FAILED'} {what}: {value} ({word} {limit})")
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
