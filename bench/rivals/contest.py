"""One rival against one filled stream: from the first record it is given to the last row in S3.

The stream holds every event before the rival starts, so no producer is the limit, and gives it none
before the rival has all its shards and has settled: what is measured is work, not the start of
interpreters. Every row is read back from the Parquet: one missing fails, and so does one that is
there twice.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.rivals.process_tree import cpu_seconds, megabytes, own_cpu_seconds
from bench.rivals.stored_rows import StoredRows
from bench.rivals.stream import BUCKET, SHARDS, Trickle, fill, program_environment
from lake_core.wire import Packing
from lake_local import emulator
from lake_local.ports import free_port
from lake_local.processes import Processes, Program

ROOT: Final = Path(__file__).resolve().parent.parent.parent
# When a rival writes a file, and so do we: what makes small files makes large rows.
MAX_ROWS, MAX_AGE_SECONDS = 25_000, 1
DEADLINE_SECONDS: Final = 180
SETTLE_SECONDS: Final = 5.0  # from the first read of the last shard, for what else has to load
POLL_SECONDS: Final = 0.1
LATER_SECONDS: Final = 3.0  # in which rows that come twice show


@dataclass(frozen=True, slots=True)
class Rival:
    """How to start one, and in what form it is sent events; `{directory}` is a place of its own."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    packing: Packing = Packing.NONE


def measure(rival: Rival, rows: int) -> dict[str, Any]:
    """Run the data set through a rival, on an emulator of its own."""
    with tempfile.TemporaryDirectory() as name, Processes(Path(name) / "logs") as processes:
        directory, port = Path(name), free_port()
        gate = _start_emulator(processes, directory, port)
        fill(rival.packing, emulator.endpoint(port))
        stored = StoredRows(emulator.stored_objects(directory) / BUCKET)
        began = time.monotonic()
        pid = processes.start(_program(rival, directory, port)).process.pid
        _until(lambda: _shards_read(gate) >= SHARDS, processes, "a read of every shard")
        started = time.monotonic() - began
        time.sleep(SETTLE_SECONDS)
        before, own = cpu_seconds(pid), own_cpu_seconds(pid)
        peak, count = megabytes(pid), 0
        with Trickle(emulator.endpoint(port)):
            (gate / "open").touch()
            deadline = time.monotonic() + DEADLINE_SECONDS
            while count < rows:
                _check(processes, deadline, f"{count} of {rows} rows")
                time.sleep(POLL_SECONDS)
                peak = max(peak, megabytes(pid))
                count = stored.count()
            used, own = cpu_seconds(pid) - before, own_cpu_seconds(pid) - own
            time.sleep(LATER_SECONDS)
        if (found := (stored.count(), stored.distinct())) != (rows, rows):
            raise SystemExit(f"{rival.name}: rows and different rows in S3 {found}, sent {rows}")
        files = stored.files()
        first = float((gate / "first_read").read_text())
        return {
            "events_per_second": round(rows / (stored.last_written - first)),
            "cpu_seconds_per_million_events": round(used / rows * 1e6, 1),
            "of_which_first_process": round(own / rows * 1e6, 1),  # ours: the JVM
            "peak_megabytes": round(peak),
            "bytes_per_row": round(sum(size for _, size in files) / rows, 1),
            "files": len(files),
            "seconds_to_start": round(started, 1),
            "rows_read_back": found[1],
        }


def _start_emulator(processes: Processes, directory: Path, port: int) -> Path:
    """Return the directory of its gate."""
    gate = directory / "gate"
    gate.mkdir()
    plain = emulator.program(port, directory, emulator.system_environment())
    environment = {"GATE_DIRECTORY": str(gate), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bench.rivals.timed_emulator"]
    whole = dict(plain.environment) | environment
    processes.start(Program(plain.name, command, whole, cure=plain.cure))
    _until(lambda: emulator.answers(port), processes, "the emulator")
    return gate


def _shards_read(gate: Path) -> int:
    told = gate / "shards"
    return int(told.read_text() or 0) if told.exists() else 0


def _program(rival: Rival, directory: Path, port: int) -> Program:
    own = directory / "rival"
    own.mkdir()
    environment = {
        name: value.replace("{directory}", str(own)) for name, value in rival.environment.items()
    }
    whole = (
        emulator.system_environment()
        | program_environment(emulator.endpoint(port))
        | {"HOME": str(own)}
        | environment
    )
    return Program("rival", rival.command, whole, cure="its log")


def _until(condition: Callable[[], bool], processes: Processes, what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        _check(processes, deadline, what)
        time.sleep(POLL_SECONDS)


def _check(processes: Processes, deadline: float, what: str) -> None:
    processes.check()
    if time.monotonic() > deadline:
        raise SystemExit(f"not within {DEADLINE_SECONDS} s: {what}")
