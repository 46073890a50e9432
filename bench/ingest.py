"""The way in alone: from a CSV to a stream, for every packing.

    .venvs/dev/bin/python -m bench.ingest

Twice: to a stream that takes everything (the whole of boto3 works, and instead of a socket there is
a ready answer), and to the emulator. What the start of the program costs is told apart. Adds to
bench/results/throughput.json.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from bench.results_file import update
from ingestor import kinesis_stream, s3_bucket
from ingestor.arguments import parse
from ingestor.commands import ReplayCommand
from ingestor.settings import Settings
from ingestor.stop import stop_signal
from lake_core.names import CSV_FILES, STREAMS, Domain
from lake_core.wire import Packing
from lake_local import emulator
from lake_local.generator import write_ecommerce
from lake_local.ports import free_port
from lake_local.processes import Processes

ROOT: Final = Path(__file__).resolve().parent.parent
SHARDS: Final = 4
HASHES: Final = 2**128
PUT_UNIT_BYTES: Final = 25 * 1024  # what AWS bills, begun or full
LAPS: Final = 3
PURCHASES: Final = 30_000  # the file of the data set is too short to say much
KEYS: Final[dict[str, Any]] = {
    "region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b",
}  # fmt: skip
ROUNDS: Final = 3
MANY_LAPS: Final = 20  # memory must not grow with what is sent
DEADLINE_SECONDS: Final = 60


@dataclass
class Wire:
    """What boto3's clients meet in a socket's place: everything is taken at once."""

    keep: bool
    bodies: list[bytes] = field(default_factory=list)

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        """Answer a request that is ready to be sent."""
        operation = request.headers.get("X-Amz-Target", b"").decode().partition(".")[2]
        if operation == "PutRecords":
            if self.keep:
                self.bodies.append(bytes(request.body))
            return _response(request.url, _put(request.body.count(b'"PartitionKey"')))
        return _response(request.url, _shards() if operation == "ListShards" else b"")


@cache
def _put(records: int) -> bytes:
    # Sequence numbers and shard names as long as real ones.
    taken = {"SequenceNumber": "4" * 56, "ShardId": "shardId-000000000000"}
    return json.dumps({"FailedRecordCount": 0, "Records": [taken] * records}).encode()


@cache
def _shards() -> bytes:
    size = HASHES // SHARDS
    return json.dumps(
        {
            "Shards": [
                {
                    "ShardId": f"shardId-{n:012}",
                    "HashKeyRange": {
                        "StartingHashKey": str(n * size), "EndingHashKey": str((n + 1) * size - 1),
                    },
                    "SequenceNumberRange": {"StartingSequenceNumber": "1"},
                }
                for n in range(SHARDS)
            ]
        }
    ).encode()  # fmt: skip


def _response(url: str, body: bytes) -> AWSResponse:
    class Raw(io.BytesIO):
        def stream(self, **_: Any) -> Any:
            yield self.read()

    headers = HTTPHeaders()
    headers["Content-Type"], headers["ETag"] = "application/x-amz-json-1.1", '"1"'
    return AWSResponse(url, 200, headers, Raw(body))


class _LastLine(logging.Handler):
    """Keeps what the replay says at its end."""

    said: dict[str, Any] = {}  # noqa: RUF012 - one replay at a time

    def emit(self, record: logging.LogRecord) -> None:
        self.said = vars(record)


def _replay(source: Path, packing: Packing, laps: int, wire: Wire) -> tuple[float, int]:
    """Replay a file; return CPU seconds and events."""
    kinesis = boto3.client("kinesis", config=kinesis_stream.CLIENT_CONFIG, **KEYS)
    s3 = boto3.client("s3", config=s3_bucket.CLIENT_CONFIG, **KEYS)
    for client in (kinesis, s3):
        client.meta.events.register("before-send", wire.answer)
    domain = next(domain for domain, name in CSV_FILES.items() if name == source.name)
    command = ["replay", "--source", str(source), "--stream", STREAMS[domain]]
    asked = parse([*command, "--packing", packing.value, "--laps", str(laps)])
    settings = Settings("lake", shard_limits=False)
    log, last = logging.getLogger("ingestor"), _LastLine()
    log.setLevel(logging.INFO)
    log.addHandler(last)
    before = time.process_time()
    with stop_signal() as stop:
        ReplayCommand(asked, settings, s3, kinesis, stop).run()
    used = time.process_time() - before
    log.removeHandler(last)
    return used, last.said["sent"]


def _one(source: Path, packing: Packing) -> dict[str, Any]:
    """Measure one packing, in a process of its own."""
    _replay(source, packing, 1, Wire(keep=False))  # what is made once
    used = [_replay(source, packing, LAPS, Wire(keep=False)) for _ in range(ROUNDS)]
    peaks = [_peak_megabytes()]
    _replay(source, packing, MANY_LAPS, Wire(keep=False))
    peaks.append(_peak_megabytes())
    wire = Wire(keep=True)
    _, events = _replay(source, packing, 1, wire)
    sizes = [size for body in wire.bodies for size in _sizes(body)]
    seconds = min(cpu / count for cpu, count in used)
    return {
        "microseconds_a_row": round(seconds * 1e6, 2),
        "events_per_second_and_core": round(1 / seconds),
        "stream_bytes_per_event": round(sum(sizes) / events, 1),
        "put_units_per_million_events": round(
            sum(-(-size // PUT_UNIT_BYTES) for size in sizes) / events * 1e6
        ),
        "records": len(sizes),
        "peak_megabytes": peaks[0],
        f"peak_megabytes_after_{MANY_LAPS}_laps": peaks[1],
    }


def _peak_megabytes() -> int:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _sizes(body: bytes) -> list[int]:
    return [
        len(base64.b64decode(record["Data"])) + len(record["PartitionKey"])
        for record in json.loads(body)["Records"]
    ]


def _emulated(packing: Packing) -> dict[str, Any]:
    """Replay to the emulator, as a program of its own."""
    stream = STREAMS[Domain.MANUFACTURING]
    laps = 1 if packing in (Packing.NONE, Packing.KPL) else LAPS
    with tempfile.TemporaryDirectory() as name, Processes(Path(name) / "logs") as processes:
        port = free_port()
        options: Any = KEYS | {"endpoint_url": emulator.endpoint(port)}
        environment = {
            "PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": emulator.endpoint(port),
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b", "INGESTOR_BUCKET": "lake",
            "INGESTOR_SHARD_LIMITS": "false",
        }  # fmt: skip
        processes.start(emulator.program(port, Path(name), emulator.system_environment()))
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not emulator.answers(port):
            if time.monotonic() > deadline:
                raise SystemExit("the emulator does not start")
            time.sleep(0.1)
        boto3.client("s3", **options).create_bucket(Bucket="lake")
        boto3.client("kinesis", **options).create_stream(StreamName=stream, ShardCount=SHARDS)
        source = str(ROOT / "data" / CSV_FILES[Domain.MANUFACTURING])
        command = ["replay", "--source", source, "--stream", stream, "--packing", packing.value]
        used, said = _program([*command, "--laps", str(laps)], environment)
        start, _ = _program([*command, "--limit", "1"], environment)
    return {
        "events": said["sent"],
        "put_events_per_second": said["events_per_second"],
        "microseconds_a_row": round((used - start) / said["sent"] * 1e6, 2),
        "start_cpu_seconds": round(start, 2),
    }


def _program(arguments: list[str], environment: dict[str, str]) -> tuple[float, dict[str, Any]]:
    """Run the ingestor; return its CPU seconds and its last line."""
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-m", "ingestor", *arguments],
        env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    after = os.times()
    last: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    used = after.children_user + after.children_system
    return used - before.children_user - before.children_system, last


def _child(source: Path, packing: Packing) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.ingest", str(source), packing.value]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main(arguments: list[str]) -> int:
    """Measure everything, or one packing of a file; return the exit code."""
    if arguments:
        print(json.dumps(_one(Path(arguments[0]), Packing(arguments[1]))))
        return 0
    with tempfile.TemporaryDirectory() as name:
        purchases = Path(name) / CSV_FILES[Domain.ECOMMERCE]
        write_ecommerce(purchases, PURCHASES)
        found = {
            source.name: {packing.value: _child(source, packing) for packing in Packing}
            for source in (ROOT / "data" / CSV_FILES[Domain.MANUFACTURING], purchases)
        }
    emulated = {packing.value: _emulated(packing) for packing in Packing}
    update(put_side={"command": "make bench-ingest", **found, "emulator": emulated})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
