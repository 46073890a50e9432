"""The main job's figures: start, throughput, size, memory.

    .venvs/dev/bin/python bench/main_job.py

Starts the lake as `make run` does, on the generated data set, in a directory of its own, and
writes bench/results/main_job.json.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from lake_local.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
ROWS = 100_000
DEADLINE_SECONDS = 180
PARTS = {
    "JVM": "MultiLangDaemon",
    "processor child": "processor child",
    "API": "analytics_api serve",
    "emulator": "-m ministack",
    "ingestor": "-m ingestor replay",
}


class Memory:
    """The largest resident size seen of each kind of process, in MB."""

    def __init__(self, root: int) -> None:
        self.peaks: dict[str, float] = {}
        self._root = root

    def look(self) -> None:
        for pid in _descendants(self._root):
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                status = Path(f"/proc/{pid}/status").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            peak = re.search(r"VmHWM:\s+(\d+) kB", status)
            for part, words in PARTS.items():
                if words in command and peak:
                    megabytes = int(peak[1]) / 1024
                    self.peaks[part] = max(self.peaks.get(part, 0.0), round(megabytes, 1))


def _descendants(root: int) -> set[int]:
    listing = subprocess.run(
        ["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    pairs = [tuple(map(int, line.split())) for line in listing.stdout.splitlines()]
    found = {root}
    while more := {pid for pid, parent in pairs if parent in found and pid not in found}:
        found |= more
    return found


class Run:
    """A lake in a temporary directory."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.directory = directory
        environment = {
            **os.environ,
            "LAKE_DIRECTORY": str(directory / ".lake"),
            "LAKE_DATA_DIRECTORY": str(ROOT / "data"),
            "LAKE_API_PORT": str(self.port),
            "LAKE_MANUFACTURING_RATE": "1",
            "LAKE_ECOMMERCE_RATE": "1",
        }
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [ROOT / ".venvs/local/bin/python", "-m", "lake_local", "run"],
            env=environment, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        self.memory = Memory(self.process.pid)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False)

    def seconds_until(self, path: str, true: Any) -> float:
        """Wait for an answer; return the seconds since the start."""
        while time.monotonic() - self.began < DEADLINE_SECONDS:
            self.memory.look()
            try:
                answer = self.http.get(path)
                if answer.status_code == 200 and true(answer.json()):
                    return round(time.monotonic() - self.began, 2)
            except httpx.TransportError:
                pass  # not listening yet
            time.sleep(0.1)
        raise SystemExit(f"{path} did not answer within {DEADLINE_SECONDS} s")

    def log(self, part: str, message: str) -> dict[str, Any]:
        """Return the last log line of a part with that message."""
        lines = (self.directory / ".lake/logs" / f"{part}.log").read_text().splitlines()
        parsed = [json.loads(line) for line in lines if line.startswith("{")]
        return next(line for line in reversed(parsed) if line["message"] == message)

    def processed_seconds(self) -> float:
        """Seconds from the replay's first put to the last commit of the data set, by the logs."""
        replayed = self.log("replay-manufacturing", "replayed")
        end = _instant(replayed["time"])
        lines = (self.directory / ".lake/logs/processor-manufacturing.log").read_text().splitlines()
        commits = [json.loads(line) for line in lines if '"range committed"' in line]
        rows, last = 0, end
        for commit in commits:
            rows += commit["rows"]
            last = _instant(str(commit["time"]))
            if rows >= ROWS:
                break
        return round(last - (end - float(replayed["seconds"])), 2)

    def close(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def save(name: str, figures: dict[str, Any], **more: Any) -> None:
    """Write a result file and print it."""
    RESULTS.mkdir(exist_ok=True)
    content = {"command": "bench/main_job.py", "cores": os.cpu_count(), **more, "figures": figures}
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")
    print(json.dumps(content, indent=2))


def main() -> int:
    """Measure; return the exit code."""
    subprocess.run(["make", "--silent", "data"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as directory:
        run = Run(Path(directory))
        try:
            measure(run)
        finally:
            run.close()
    return 0


def measure(run: Run) -> None:
    """Take every figure of a run."""
    insight = run.seconds_until("/v1/insights/integrated", lambda _: True)
    everything = run.seconds_until(
        "/v1/insights/manufacturing", lambda answer: answer["records_analyzed"] >= ROWS
    )
    replayed = run.log("replay-manufacturing", "replayed")
    lake = run.http.get("/v1/lake").json()["zones"]
    size = lake["processed"]["manufacturing"]
    processed = run.processed_seconds()
    save(
        "main_job",
        {
            "seconds_to_first_insight": insight,
            "seconds_to_all_rows": everything,
            "put_events_per_second": replayed["events_per_second"],
            "end_to_end_events_per_second": round(ROWS / processed),
            "bytes_per_row": round(size["bytes_per_row"], 2),
            "json_bytes_per_row": round(size["payload_bytes"] / size["rows"], 2),
            "csv_bytes_per_row": round(lake["raw"]["manufacturing"]["bytes"] / ROWS, 2),
            "stream_bytes_per_row": round(size["stream_bytes"] / size["rows"], 2),
            "peak_memory_megabytes": run.memory.peaks,
        },
        rows=ROWS,
    )


if __name__ == "__main__":
    sys.exit(main())
