"""One rival against one filled stream: from the first read of Kinesis to the last row in S3.

The stream holds every event before the rival starts, so no producer is the limit. The clock starts
when the emulator is first asked for records and ends when the last object is written; what a rival
needs to start is told apart. Every row is read back from the Parquet: one missing fails, and so
does one that is there twice.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.rivals.process_tree import cpu_seconds, megabytes
from bench.rivals.stored_rows import StoredRows
from bench.rivals.stream import BUCKET, Trickle, fill, program_environment
from lake_core.wire import Packing
from lake_local import emulator
from lake_local.ports import free_port
from lake_local.processes import Processes, Program

ROOT: Final = Path(__file__).resolve().parent.parent.parent
# When a rival writes a file, and so do we: what makes small files makes large rows.
MAX_ROWS, MAX_AGE_SECONDS = 25_000, 1
DEADLINE_SECONDS: Final = 180
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
        note = _start_emulator(processes, directory, port)
        fill(rival.packing, emulator.endpoint(port))
        stored = StoredRows(emulator.stored_objects(directory) / BUCKET)
        with Trickle(emulator.endpoint(port)):
            began = time.time()
            pid = processes.start(_program(rival, directory, port)).process.pid
            _until(note.exists, processes, "the first read")
            before, peak, count = cpu_seconds(pid), 0.0, 0
            deadline = time.monotonic() + DEADLINE_SECONDS
            while count < rows:
                _check(processes, deadline, f"{count} of {rows} rows")
                time.sleep(POLL_SECONDS)
                peak = max(peak, megabytes(pid))
                count = stored.count()
            after = cpu_seconds(pid)
            time.sleep(LATER_SECONDS)
        if (found := (stored.count(), stored.distinct())) != (rows, rows):
            raise SystemExit(f"{rival.name}: rows and different rows in S3 {found}, sent {rows}")
        first = float(note.read_text())
        files = stored.files()
        return {
            "events_per_second": round(rows / (stored.last_written - first)),
            "cpu_seconds_per_million_events": round((after - before) / rows * 1e6, 1),
            "peak_megabytes": round(peak),
            "bytes_per_row": round(sum(size for _, size in files) / rows, 1),
            "files": len(files),
            "seconds_before_first_read": round(first - began, 2),
            "cpu_seconds_before_first_read": round(before, 2),
            "rows_read_back": found[1],
        }


def _start_emulator(processes: Processes, directory: Path, port: int) -> Path:
    """Return the file that will tell when records were first asked for."""
    note = directory / "first_read"
    plain = emulator.program(port, directory, emulator.system_environment())
    environment = {"GET_RECORDS_NOTE": str(note), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bench.rivals.timed_emulator"]
    whole = dict(plain.environment) | environment
    processes.start(Program(plain.name, command, whole, cure=plain.cure))
    _until(lambda: emulator.answers(port), processes, "the emulator")
    return note


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
