"""Requests per second, p50 and p99 of the API's integrated insights beside the plain way, by wrk.

`make bench-api`: both are started over the same lake of 100,000 readings and 1,000 purchases in the
emulator's S3, one after the other. Every answer is a complete HTTP exchange on the loopback; wrk
takes one core, the server another.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import itertools
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from lake_core.arrow import Positions, scored_table
from lake_core.footer import Footer
from lake_core.layout import Chain, RangeName, hour_of
from lake_core.names import BUCKET, Domain
from lake_core.parquet import encode_object
from lake_core.parsing import event_from_cells
from lake_core.rules import DEFAULT
from lake_local import emulator, generator
from lake_local.ports import HOST, free_port
from lake_local.processes import Processes, Program

ROWS = {Domain.MANUFACTURING: 100_000, Domain.ECOMMERCE: 1_000}
OBJECT_ROWS = 10_000
PATH = "/v1/insights/integrated"
CONNECTIONS = 16
RESULT = Path(__file__).parent / "results" / "api.json"
KEYS = {
    "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
}  # fmt: skip
MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def objects(domain: Domain, file: Path) -> Iterator[tuple[str, bytes]]:
    """Yield key and body of each object of a domain's CSV, as one shard's processor writes them."""
    arrival = int(time.time() * 1000)
    hour = hour_of(dt.datetime.fromtimestamp(arrival / 1000, dt.UTC))
    chain = Chain(domain, "20260101T000000000Z", "shardId-000000000000")
    with file.open(encoding="utf-8", newline="") as text:
        rows, first, after = csv.DictReader(text), 1, None
        while cells := list(itertools.islice(rows, OBJECT_ROWS)):
            last = first + len(cells) - 1
            events = [event_from_cells(domain, one) for one in cells]
            for row, event in enumerate(events, first - 1):
                event.event_source, event.event_row = f"{file.name}-00000000-0", row
            numbers = [str(number) for number in range(first, last + 1)]
            places = Positions(numbers, [0] * len(cells), [arrival] * len(cells))
            size = sum(len(json.dumps(one)) for one in cells)
            footer = Footer(
                format_version=1, schema_version=1, scoring_version=DEFAULT.scoring_version,
                domain=domain, shard=chain.shard, incarnation=chain.incarnation,
                first=str(first), last=str(last), after=after, first_arrival=arrival,
                last_arrival=arrival, records=len(cells), rows=len(cells), unusable=0,
                payload_bytes=size, stream_bytes=size,
            )  # fmt: skip
            table = scored_table(domain, events, places, DEFAULT)
            yield RangeName(chain, hour, first).key, encode_object(table, footer)
            first, after = last + 1, str(last)


def fill(endpoint: str, directory: Path) -> None:
    """Put a whole lake into the emulator's S3."""
    s3 = boto3.client(
        "s3", endpoint_url=endpoint, region_name=KEYS["AWS_REGION"],
        aws_access_key_id="test", aws_secret_access_key="test",  # noqa: S106 - the emulator's
    )  # fmt: skip
    s3.create_bucket(Bucket=BUCKET)
    write = {
        Domain.MANUFACTURING: generator.write_manufacturing,
        Domain.ECOMMERCE: generator.write_ecommerce,
    }
    for domain, rows in ROWS.items():
        file = directory / f"{domain}.csv"
        write[domain](file, rows)
        for key, body in objects(domain, file):
            s3.put_object(Bucket=BUCKET, Key=key, Body=body)


def start(stack: ExitStack) -> tuple[str, str]:
    """Start emulator, API and the plain way over a new lake; return both URLs once they answer."""
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-api-")))
    processes = stack.enter_context(Processes(directory / "logs"))
    s3_port, port, plain_port = free_port(), free_port(), free_port()
    system = emulator.system_environment(os.environ)
    processes.start(emulator.program(s3_port, directory, system))
    wait(lambda: emulator.answers(s3_port), processes)
    fill(emulator.endpoint(s3_port), directory)
    settings = {"AWS_ENDPOINT_URL": emulator.endpoint(s3_port), **KEYS}
    settings |= {"ANALYTICS_API_BUCKET": BUCKET, "ANALYTICS_API_PORT": str(port)}
    command = [sys.executable, "-m", "analytics_api", "serve"]
    processes.start(Program("api", command, {**system, **settings}, cure="see its log"))
    plain = [sys.executable, "-m", "bench.plain_api", str(plain_port)]
    processes.start(Program("plain", plain, {**system, **settings}, cure="see its log"))
    url, plain_url = f"http://{HOST}:{port}{PATH}", f"http://{HOST}:{plain_port}"
    wait(lambda: ready(url), processes)
    wait(lambda: ready(f"{plain_url}/counted"), processes)
    return url, plain_url


def wait(true: Callable[[], bool], processes: Processes, seconds: float = 60) -> None:
    """Wait for a part to be up."""
    deadline = time.monotonic() + seconds
    while not true():
        processes.check()
        if time.monotonic() > deadline:
            raise TimeoutError(f"not ready within {seconds:.0f} s")
        time.sleep(0.1)


def ready(url: str) -> bool:
    """Whether the API has data of both domains."""
    try:
        return bool(get(url)[0]["manufacturing"]["records_analyzed"])
    except OSError:
        return False


def get(url: str) -> tuple[Any, str | None]:
    """Return an answer and its ETag, if it has one."""
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - http, by the caller
        return json.load(answer), answer.headers["ETag"]


@dataclass(frozen=True, slots=True)
class Measured:
    """What wrk says; milliseconds."""

    per_second: float
    p50: float
    p99: float

    def figures(self, name: str) -> dict[str, float]:
        """Return them by their names in the results."""
        rate = round(self.per_second, 0 if self.per_second > 100 else 1)
        return {
            f"{name}_requests_per_second": int(rate) if rate == int(rate) else rate,
            f"{name}_p50_ms": self.p50,
            f"{name}_p99_ms": self.p99,
        }


def measure(url: str, seconds: int, *headers: str) -> Measured:
    """Ask for some seconds over 16 connections."""
    given = [part for header in headers for part in ("-H", header)]
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30s", "--latency"]
    said = subprocess.run(
        [*command, *given, url], check=True, capture_output=True, text=True
    ).stdout
    errors = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.+)", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    shares = [re.search(rf"{share}%\s+([\d.]+)(us|ms|s)", said) for share in (50, 99)]
    if errors or not rate or not all(shares):
        raise RuntimeError(f"wrk did not get clean answers:\n{said}")
    p50, p99 = (round(float(one[1]) * MILLISECONDS[one[2]], 3) for one in shares if one)
    return Measured(float(rate[1]), p50, p99)


def same(one: Any, other: Any) -> bool:
    """Whether two answers agree in all but when they were given."""
    return {**one, "freshness": 0} == {**other, "freshness": 0}


def main(arguments: list[str]) -> int:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="of each measurement")
    asked = parser.parse_args(arguments)
    if shutil.which("wrk") is None:
        print("wrk is missing: apt-get install wrk", file=sys.stderr)
        return 2
    with ExitStack() as stack:
        url, plain = start(stack)
        answer, etag = get(url)
        for route in ("/counted", "/scanned"):
            if not same(answer, get(plain + route)[0]):
                raise RuntimeError(f"{route} answers otherwise than {PATH}")
        measure(url, 2)  # warm-up
        measure(f"{plain}/counted", 2)
        found = {
            "insights": measure(url, asked.seconds),
            "insights_304": measure(url, asked.seconds, f"If-None-Match: {etag}"),
            "plain": measure(f"{plain}/counted", asked.seconds),
            "scanned": measure(f"{plain}/scanned", asked.seconds),
        }
    rate = found["insights"].per_second
    figures = {
        key: value for name, one in found.items() for key, value in one.figures(name).items()
    }
    result = {
        "benchmark": "api",
        "command": "make bench-api",
        "figures": {
            **figures,
            "ratio_to_plain": round(rate / found["plain"].per_second, 1),
            "ratio_to_scanned": round(rate / found["scanned"].per_second),
        },
        "conditions": {
            "path": PATH, "connections": CONNECTIONS, "seconds": asked.seconds,
            "server_processes": 1, "records": answer["manufacturing"]["records_analyzed"],
            "cpus": os.cpu_count(), "python": platform.python_version(),
            "load_average_1m": round(os.getloadavg()[0], 2),
            "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        },
    }  # fmt: skip
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result["figures"], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
