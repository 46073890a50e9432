"""Memory of the API by the number of events in the lake: `make bench-memory`.

The same 100,000 readings are put into the lake again and again, each time under another source and
with later arrivals, as laps of a replay are: to the API they are events of their own. Each size is
read by an API of its own from its first range, without curated state, which is the most it ever
has to do.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import boto3
import pyarrow as pa

from bench.api import KEYS, PATH, get, objects, ready, wait
from lake_core.layout import RangeName
from lake_core.names import BUCKET, Domain
from lake_core.parquet import encode_object, read_object
from lake_local import emulator, generator
from lake_local.ports import HOST, free_port
from lake_local.processes import Processes, Program

LAP: Final = 100_000
SIZES: Final = (100_000, 1_000_000, 10_000_000)
PURCHASES: Final = 1_000
REQUESTS: Final = 500
MIB: Final = 1024  # of /proc's KiB
RESULT: Final = Path(__file__).parent / "results" / "memory.json"


def laps(template: list[tuple[str, bytes]], start: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield the objects of laps `start` to `start + count`, chained behind the lap before."""
    read = [(RangeName.parse(key), *read_object(body, key)) for key, body in template]
    for lap in range(start, start + count):
        for name, table, footer in read:
            if name is None:
                raise ValueError("a template's key is no range")
            shift = lap * LAP
            first, last = int(footer.first) + shift, int(footer.last) + shift
            numbers = [str(number) for number in range(first, last + 1)]
            changed = {
                "event_source": pa.array([f"lap-00000000-{lap}"] * len(numbers)),
                "sequence_number": pa.array(numbers),
            }
            for column, values in changed.items():
                field = table.schema.field(column)
                place = table.schema.get_field_index(column)
                table = table.set_column(place, field, values.cast(field.type))  # noqa: PLW2901
            moved = type(footer)(**{
                **{key: getattr(footer, key) for key in footer.__struct_fields__},
                "first": str(first), "last": str(last),
                "after": None if first == 1 else str(first - 1),
            })  # fmt: skip
            yield RangeName(name.chain, name.hour, first).key, encode_object(table, moved)


def resident(process: int) -> tuple[float, float]:
    """Return resident memory now and at its peak, in MiB."""
    said = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    lines = dict(line.split(":", 1) for line in said.splitlines())
    return int(lines["VmRSS"].split()[0]) / MIB, int(lines["VmHWM"].split()[0]) / MIB


def measure(endpoint: str, events: int, directory: Path) -> dict[str, Any]:
    """Start an API over the lake, wait until it has counted everything, ask it, and look."""
    port = free_port()
    url = f"http://{HOST}:{port}"
    settings = {
        **emulator.system_environment(os.environ), **KEYS, "AWS_ENDPOINT_URL": endpoint,
        "ANALYTICS_API_BUCKET": BUCKET, "ANALYTICS_API_PORT": str(port),
    }  # fmt: skip
    with Processes(directory / f"logs-{events}") as processes:
        began = time.monotonic()
        command = [sys.executable, "-m", "analytics_api", "serve"]
        running = processes.start(Program("api", command, settings, cure="see its log"))
        wait(lambda: ready(url + PATH), processes, 300)
        wait(
            lambda: get(url + PATH)[0]["manufacturing"]["records_analyzed"] == events,
            processes, 600,
        )  # fmt: skip
        seconds = time.monotonic() - began
        for path in (PATH, "/v1/machines", "/v1/customers", "/v1/lake/integrity"):
            for _ in range(REQUESTS // 4):
                get(url + path)
        now, peak = resident(running.process.pid)
    return {
        "resident_mib": round(now),
        "peak_mib": round(peak),
        "seconds_to_read": round(seconds, 1),
    }


def main() -> int:
    """Measure each size and write the figures."""
    figures: dict[str, Any] = {}
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-memory-")))
        processes = stack.enter_context(Processes(directory / "logs"))
        port = free_port()
        system = emulator.system_environment(os.environ)
        processes.start(emulator.program(port, directory, system))
        wait(lambda: emulator.answers(port), processes)
        endpoint = emulator.endpoint(port)
        s3 = boto3.client(
            "s3", endpoint_url=endpoint, region_name=KEYS["AWS_REGION"],
            aws_access_key_id="test", aws_secret_access_key="test",  # noqa: S106 - the emulator's
        )  # fmt: skip
        s3.create_bucket(Bucket=BUCKET)
        generator.write_ecommerce(directory / "ecommerce.csv", PURCHASES)
        generator.write_manufacturing(directory / "manufacturing.csv", LAP)
        for key, body in objects(Domain.ECOMMERCE, directory / "ecommerce.csv"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        template = list(objects(Domain.MANUFACTURING, directory / "manufacturing.csv"))
        there = 0
        for size in SIZES:
            for key, body in laps(template, there, size // LAP - there):
                s3.put_object(Bucket=BUCKET, Key=key, Body=body)
            there = size // LAP
            figures[str(size)] = measure(endpoint, size, directory)
            print(f"{size:>10,} readings: {figures[str(size)]}", flush=True)
    result = {
        "benchmark": "memory",
        "command": "make bench-memory",
        "figures": figures,
        "conditions": {
            "cpus": os.cpu_count(), "python": platform.python_version(),
            "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        },
    }  # fmt: skip
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
