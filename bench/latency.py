"""How long it takes from a put to an answer, to a listener, and to the lake.

    make bench-latency      bench/results/latency.json (2 minutes)

A whole lake runs as `make run` starts it, 500 events/s go through it, and twenty a second of them
are markers: readings of a machine of their own, alerting, each with the next number. Clocks are
one: the marker is put, seen and listed by this program.

- live: `GET /v1/machines/{marker}` counts it (asked every 10 ms);
- sse: its event has come over `/v1/alerts/stream`;
- lake: an object of `processed/` holds it (listed every 100 ms): what there is without a live view.
"""

from __future__ import annotations

import datetime as dt
import http.client
import json
import os
import platform
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
import pyarrow as pa

from lake_core.layout import RangeName, processed_prefix
from lake_core.names import BUCKET, STREAMS, Domain
from lake_core.parquet import read_footer
from lake_local.aws import credentials
from lake_local.directory import LakeDirectory
from lake_local.running import RunFacts, running_lake
from tests.integration.local_run import Place

RESULT: Final = Path(__file__).parent / "results" / "latency.json"
SECONDS: Final = 60.0
MARKERS_PER_SECOND: Final = 20.0
OTHERS: Final = {"LAKE_MANUFACTURING_RATE": "400", "LAKE_ECOMMERCE_RATE": "80"}
MACHINE: Final = 900_001
SOURCE: Final = "markers.csv-00000000-0"
FLUSH_AGE_SECONDS: Final = 5.0  # `make run`'s
READY_SECONDS: Final = 120.0
READING: Final = {
    "machine_id": MACHINE, "temperature": 98.94, "vibration": 81.5, "humidity": 50.47,
    "pressure": 1.59, "energy_consumption": 3.08, "machine_status": 1, "anomaly_flag": 1,
    "predicted_remaining_life": 38, "failure_type": "Normal", "downtime_risk": 1.0,
    "maintenance_required": 1, "event_source": SOURCE,
}  # fmt: skip


class Markers:
    """When each was put, and when it was seen where; by number, in monotonic seconds."""

    def __init__(self) -> None:
        self.put: dict[int, float] = {}
        self.sequence: dict[int, int] = {}
        self.seen: dict[str, dict[int, float]] = {"live": {}, "sse": {}, "lake": {}}
        self.shard = ""
        self.ended = threading.Event()

    def see(self, where: str, through: int) -> None:
        """Note that every marker below a number is seen now."""
        now, seen = time.monotonic(), self.seen[where]
        for number in range(len(seen), min(through, len(self.put))):
            seen[number] = now

    def milliseconds(self, where: str, percent: float) -> int:
        """Return a percentile of the time from put to seen."""
        seen = self.seen[where]
        waits = sorted(seen[number] - put for number, put in self.put.items() if number in seen)
        return round(1000 * waits[min(len(waits) - 1, int(len(waits) * percent / 100))])


@contextmanager
def whole_lake(directory: Path) -> Iterator[RunFacts]:
    """`make run` with 480 events/s, until everything it began with is counted."""
    place = Place(directory)
    more = {**OTHERS, "LAKE_MAX_AGE_SECONDS": str(FLUSH_AGE_SECONDS)}
    with place.started("run", "--port", "0", **more) as process:
        deadline = time.monotonic() + READY_SECONDS
        while (facts := running_lake(LakeDirectory(place.lake))) is None or not ready(facts.api):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the lake did not start: {process.communicate()}")
            time.sleep(0.5)
        yield facts


def ready(api: str) -> bool:
    """Whether every answer can be given."""
    try:
        return ask(connection(api), "/readyz")[0] == http.client.OK
    except OSError:
        return False


def connection(api: str) -> http.client.HTTPConnection:
    """Return a connection to the API."""
    return http.client.HTTPConnection(urlsplit(api).netloc, timeout=30)


def ask(to: http.client.HTTPConnection, path: str) -> tuple[int, Any]:
    """GET; return status and what the JSON says."""
    to.request("GET", path)
    answer = to.getresponse()
    return answer.status, json.loads(answer.read())


def put_markers(markers: Markers, facts: RunFacts) -> None:
    """Put one after the other, by the clock."""
    kinesis = aws("kinesis", facts)
    begin = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    first = time.monotonic()
    for number in range(int(SECONDS * MARKERS_PER_SECOND)):
        time.sleep(max(0.0, first + number / MARKERS_PER_SECOND - time.monotonic()))
        event = {
            **READING, "event_row": number,
            "timestamp": f"{begin + dt.timedelta(seconds=number):%Y-%m-%d %H:%M:%S}",
        }  # fmt: skip
        at = time.monotonic()
        answer = kinesis.put_record(
            StreamName=STREAMS[Domain.MANUFACTURING], PartitionKey=str(MACHINE),
            Data=json.dumps(event).encode(),
        )  # fmt: skip
        markers.shard = answer["ShardId"]
        markers.sequence[number] = int(answer["SequenceNumber"])
        markers.put[number] = at


def watch_answers(markers: Markers, facts: RunFacts) -> None:
    """Ask how many readings of the machine are counted."""
    to = connection(facts.api)
    while not markers.ended.wait(0.01):
        status, machine = ask(to, f"/v1/machines/{MACHINE}")
        if status == http.client.OK:
            markers.see("live", machine["readings"])


def watch_stream(markers: Markers, facts: RunFacts) -> None:
    """Listen to the alerts."""
    to = connection(facts.api)
    to.request("GET", "/v1/alerts/stream")
    answer = to.getresponse()
    while not markers.ended.is_set():
        line = answer.readline()
        if line.startswith(b"data: "):
            alert = json.loads(line[6:])
            if alert["event_source"] == SOURCE:
                markers.seen["sse"][alert["event_row"]] = time.monotonic()


def watch_lake(markers: Markers, facts: RunFacts) -> None:
    """Look for the objects of the markers' shard."""
    s3 = aws("s3", facts)
    known: set[str] = set()
    while not markers.ended.wait(0.1):
        listed = s3.get_paginator("list_objects_v2").paginate(
            Bucket=BUCKET, Prefix=processed_prefix(Domain.MANUFACTURING)
        )
        for key in [one["Key"] for page in listed for one in page.get("Contents", [])]:
            name = RangeName.parse(key)
            if name is None or key in known or name.chain.shard != markers.shard:
                continue
            known.add(key)
            body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
            last = int(read_footer(pa.BufferReader(body), key).last)
            inside = [n for n, sequence in dict(markers.sequence).items() if sequence <= last]
            markers.see("lake", len(inside))


def aws(service: Any, facts: RunFacts) -> Any:
    """Return a client of the lake's AWS."""
    keys = credentials(facts.aws)
    return boto3.client(
        service, endpoint_url=facts.aws, region_name=keys["AWS_REGION"],
        aws_access_key_id="test", aws_secret_access_key="test",  # noqa: S106 - an emulator's
    )  # fmt: skip


def measure(facts: RunFacts) -> Markers:
    """Put markers and see them everywhere."""
    markers = Markers()
    watchers: tuple[Callable[[Markers, RunFacts], None], ...] = (
        watch_answers, watch_stream, watch_lake,
    )  # fmt: skip
    threads = [threading.Thread(target=one, args=(markers, facts), daemon=True) for one in watchers]
    for thread in threads:
        thread.start()
    put_markers(markers, facts)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and any(
        len(seen) < len(markers.put) for seen in markers.seen.values()
    ):
        time.sleep(0.1)
    markers.ended.set()
    return markers


def main() -> None:
    """Write bench/results/latency.json."""
    with tempfile.TemporaryDirectory() as directory, whole_lake(Path(directory)) as facts:
        markers = measure(facts)
        _, integrity = ask(connection(facts.api), "/v1/lake/integrity")
    lost = {where: len(markers.put) - len(seen) for where, seen in markers.seen.items()}
    if any(lost.values()) or not integrity["verified"]:
        raise SystemExit(f"not seen: {lost}; verified: {integrity['verified']}")
    times = {
        f"put_to_{where}_p{percent}_ms": markers.milliseconds(where, percent)
        for where in markers.seen
        for percent in (50, 95, 99)
    }
    result = {
        "benchmark": "latency", "command": "make bench-latency", "figures": times,
        "comparison": {
            "live_view_p99_ratio_to_lake_p99": round(
                times["put_to_live_p99_ms"] / times["put_to_lake_p99_ms"], 3
            )
        },
        "markers": len(markers.put), "events_per_second": 500,
        "flush_age_seconds": FLUSH_AGE_SECONDS, "python": platform.python_version(),
        "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(RESULT.read_text())


if __name__ == "__main__":
    main()
