"""From CSV to Parquet in S3 through the real KCL and the emulator: packings, shards, cores.

    .venvs/dev/bin/python -m bench.end_to_end [--only PACKING]

The processor is up and idle when the ingestor starts: what is measured is work, not the start of a
JVM. Adds to bench/results/throughput.json; with `--only` it prints and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import boto3

from bench.results_file import update
from lake_core.names import STREAMS, Domain
from lake_core.wire import Packing
from lake_local import emulator
from lake_local.ports import free_port
from lake_local.processes import Processes, Program

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCE: Final = ROOT / "data/smart_manufacturing_data.csv"
STREAM: Final = STREAMS[Domain.MANUFACTURING]
SHARDS: Final = 4
# How often the file goes through: long enough for starting up to be little of it.
LAPS: Final = {
    Packing.NONE: 1, Packing.KPL: 5, Packing.NDJSON_ZSTD: 10, Packing.ARROW_ZSTD: 20,
}  # fmt: skip
DEADLINE_SECONDS: Final = 180
# A read of Kinesis brings 10 MB at most, which this emulator does not know; aggregates are large.
KPL_READ_RECORDS: Final = 200
PUT_UNIT_BYTES: Final = 25 * 1024
_TICKS: Final = os.sysconf("SC_CLK_TCK")
PARTS: Final = {
    "JVM": "MultiLangDaemon", "Python": "processor child", "emulator": "-m ministack",
}  # fmt: skip


def measure(
    packing: Packing, rows: int, shards: int = SHARDS, cores: int | None = None
) -> dict[str, Any]:
    """Run the data set, so many rows each time, through a lake of its own on so many cores."""
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(everywhere)[:cores]))  # those started from here inherit it
    try:
        return _measure(packing, rows, shards)
    finally:
        os.sched_setaffinity(0, everywhere)


def _measure(packing: Packing, rows: int, shards: int) -> dict[str, Any]:
    rows *= LAPS[packing]
    with tempfile.TemporaryDirectory() as name, Processes(Path(name) / "logs") as processes:
        directory = Path(name)
        port = free_port()
        environment = {
            "PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": emulator.endpoint(port),
            "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        }  # fmt: skip
        processes.start(emulator.program(port, directory, emulator.system_environment()))
        _until(lambda: emulator.answers(port), "the emulator")
        options: Any = {
            "endpoint_url": emulator.endpoint(port), "region_name": "us-east-1",
            "aws_access_key_id": "test", "aws_secret_access_key": "test",
        }  # fmt: skip
        boto3.client("s3", **options).create_bucket(Bucket="lake")
        boto3.client("kinesis", **options).create_stream(StreamName=STREAM, ShardCount=shards)
        (directory / "state").mkdir()
        settings = {
            "PROCESSOR_STREAM": STREAM, "PROCESSOR_BUCKET": "lake", "PROCESSOR_WORKER_ID": "w",
            "PROCESSOR_STATE_DIRECTORY": str(directory / "state"),
            "PROCESSOR_JAVA": os.environ["PROCESSOR_JAVA"], "PROCESSOR_MAX_AGE_SECONDS": "1",
        }  # fmt: skip
        if packing is Packing.KPL:
            settings["PROCESSOR_MAX_RECORDS"] = str(KPL_READ_RECORDS)
        command = [sys.executable, "-m", "processor", "run"]
        processes.start(Program("processor", command, environment | settings, cure=""))
        heartbeats = directory / "state/heartbeats"
        _until(lambda: heartbeats.is_dir() and len(list(heartbeats.iterdir())) == shards, "shards")
        before, began = _usage(), time.monotonic()
        put = _replay(packing, environment)
        log = directory / "logs/processor.log"
        _until(lambda: _committed(log) >= rows, "all rows in the lake")
        seconds = time.monotonic() - began
        return _figures(rows, seconds, put, before, _usage())


def _replay(packing: Packing, environment: dict[str, str]) -> dict[str, Any]:
    command = ["replay", "--source", str(SOURCE), "--stream", STREAM, "--packing", packing.value]
    command += ["--laps", str(LAPS[packing])]
    extra = {"INGESTOR_BUCKET": "lake", "INGESTOR_SHARD_LIMITS": "false"}
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-m", "ingestor", *command],
        env=environment | extra, check=True, capture_output=True, text=True,
    )  # fmt: skip
    after = os.times()
    last: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    used = after.children_user + after.children_system
    last["cpu_seconds"] = used - before.children_user - before.children_system
    return last


def _figures(
    rows: int,
    seconds: float,
    put: dict[str, Any],
    before: dict[str, tuple[float, float]],
    after: dict[str, tuple[float, float]],
) -> dict[str, Any]:
    cpu = {part: after[part][0] - before.get(part, (0.0, 0.0))[0] for part in after}
    cpu["ingestor"] = put["cpu_seconds"]
    record = put["bytes"] / put["records"]
    return {
        "events_per_second": round(rows / seconds),
        "cpu_seconds_per_million_events": {
            part: round(used / rows * 1e6, 1) for part, used in cpu.items()
        },
        "processor_cpu_seconds_per_million_events": round(
            (cpu["JVM"] + cpu["Python"]) / rows * 1e6, 1
        ),
        "put_events_per_second": put["events_per_second"],
        "stream_bytes_per_event": round(put["bytes"] / rows, 1),
        "put_units_per_million_events": round(
            put["records"] * -(-record // PUT_UNIT_BYTES) / rows * 1e6
        ),
        "peak_megabytes": {part: round(peak) for part, (_, peak) in after.items()},
    }


def _usage() -> dict[str, tuple[float, float]]:
    """CPU seconds, summed, and the largest resident size in MB, of each kind of process."""
    found: dict[str, tuple[float, float]] = {}
    listing = subprocess.run(
        ["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True
    )
    for line in listing.stdout.splitlines():
        pid, _, command = line.strip().partition(" ")
        part = next((part for part, word in PARTS.items() if word in command), None)
        if part is None or not _is_ours(int(pid)):
            continue
        try:
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            peak = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        seconds, megabytes = found.get(part, (0.0, 0.0))
        seconds += (int(stat[11]) + int(stat[12])) / _TICKS
        found[part] = seconds, max(megabytes, int(peak[1]) / 1024 if peak else 0.0)
    return found


def _is_ours(pid: int) -> bool:
    """Whether a process descends from this one."""
    while pid > 1 and pid != os.getpid():
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            return False
    return pid == os.getpid()


def _committed(log: Path) -> int:
    return sum(
        json.loads(line)["rows"] for line in log.read_text().splitlines()
        if '"range committed"' in line
    )  # fmt: skip


def _until(condition: Any, what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {DEADLINE_SECONDS} s: {what}")
        time.sleep(0.1)


def main() -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", type=Packing, help="this packing alone, and write nothing")
    parser.add_argument("--shards", type=int, default=SHARDS)
    parser.add_argument("--cores", type=int)
    asked = parser.parse_args()
    with SOURCE.open(encoding="utf-8") as file:
        rows = sum(1 for _ in file) - 1
    if only := asked.only:
        print(json.dumps(measure(only, rows, asked.shards, asked.cores), indent=2))
        return 0
    found = {packing.value: measure(packing, rows) for packing in Packing}
    best = max(found.values(), key=lambda one: one["events_per_second"])
    grown = {
        f"{shards} shards, {cores} cores": measure(Packing.ARROW_ZSTD, rows, shards, cores)
        for cores in (1, 2)
        for shards in (1, 2, 4)
    }
    update(
        end_to_end_events_per_second=best["events_per_second"],
        end_to_end=found,
        end_to_end_by_shards_and_cores=grown,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
