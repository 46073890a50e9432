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
from lake_local.ports import free_port
from lake_local.processes import Processes

ROOT: Final = Path(__file__).resolve().parent.parent
SHARDS: Final = 4
HASHES: Final = 2**128
PUT_UNIT_BYTES: Final = 25 * 1024  # what AWS bills, begun or full
LAPS: Final = {Domain.MANUFACTURING: 3, Domain.ECOMMERCE: 100}
KEYS: Final[dict[str, Any]] = {
    "region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b",
}  # fmt: skip
ROUNDS: Final = 3
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


def _replay(domain: Domain, packing: Packing, laps: int, wire: Wire) -> tuple[float, int]:
    """Replay the data set; return CPU seconds and events."""
    kinesis = boto3.client("kinesis", config=kinesis_stream.CLIENT_CONFIG, **KEYS)
    s3 = boto3.client("s3", config=s3_bucket.CLIENT_CONFIG, **KEYS)
    for client in (kinesis, s3):
        client.meta.events.register("before-send", wire.answer)
    source = ROOT / "data" / CSV_FILES[domain]
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


def _one(domain: Domain, packing: Packing) -> dict[str, Any]:
    """Measure one packing, in a process of its own."""
    _replay(domain, packing, 1, Wire(keep=False))  # what is made once
    used = [_replay(domain, packing, LAPS[domain], Wire(keep=False)) for _ in range(ROUNDS)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wire = Wire(keep=True)
    _, events = _replay(domain, packing, LAPS[domain], wire)
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
        "peak_megabytes": round(peak),
    }


def _sizes(body: bytes) -> list[int]:
    return [
        len(base64.b64decode(record["Data"])) + len(record["PartitionKey"])
        for record in json.loads(body)["Records"]
    ]


def _emulated(packing: Packing) -> dict[str, Any]:
    """Replay to the emulator, as a program of its own."""
    stream = STREAMS[Domain.MANUFACTURING]
    laps = LAPS[Domain.MANUFACTURING] if packing not in (Packing.NONE, Packing.KPL) else 1
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


def _child(domain: Domain, packing: Packing) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.ingest", domain.value, packing.value]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main(arguments: list[str]) -> int:
    """Measure everything, or one packing of a domain; return the exit code."""
    if arguments:
        domain, packing = arguments
        print(json.dumps(_one(Domain(domain), Packing(packing))))
        return 0
    found = {
        domain.value: {packing.value: _child(domain, packing) for packing in Packing}
        for domain in Domain
    }
    emulated = {packing.value: _emulated(packing) for packing in Packing}
    update(put_side={"command": "make bench-ingest", **found, "emulator": emulated})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
