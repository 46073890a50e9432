"""One run of the whole lake, as the templates would start it, with every request recorded."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from lake_core.layout import raw_key
from lake_core.names import ANALYTICS_TASKS, INTEGRATION_TASK, STREAMS, Domain
from lake_local import emulator
from lake_local.generator import write_ecommerce, write_manufacturing
from lake_local.http_client import HttpClient
from lake_local.ports import free_port
from lake_local.processes import Processes, Program
from tests.aws import REGION, Aws
from tests.iam.asked import Call, Interpreter
from tests.iam.deployed import bucket_name, deploy, snapshot
from tests.iam.parts import Parts
from tests.iam.recorder import Seen

ROWS = {Domain.MANUFACTURING: 2000, Domain.ECOMMERCE: 200}
PART_SECONDS = 240.0  # two Sparks at once, on a machine that others share
ASKED_OF_THE_API = (
    "/readyz",
    "/v1/insights/integrated",
    "/v1/machines/7",
    "/v1/customers?limit=2",
    "/v1/alerts?limit=2",
    "/v1/lake",
    "/v1/lake/integrity",
)


@dataclass
class Observed:
    """What was asked of AWS, by access key; `tables` are the keys of all DynamoDB tables."""

    calls: dict[str, list[Call]] = field(default_factory=dict)
    tables: dict[str, list[tuple[str, str]]] = field(default_factory=dict)


class Scene:
    """The emulator with the templates' data plane, and the parts."""

    def __init__(self, directory: Path, processes: Processes, java: Path) -> None:
        self.templates = snapshot("dev")
        self.log = directory / "requests.jsonl"
        self._processes = processes
        port = free_port()
        system = emulator.system_environment()
        plain = emulator.program(port, directory / "emulator", system)
        recorder = [sys.executable, "-m", "tests.iam.recorder", str(self.log)]
        processes.start(replace(plain, command=recorder))
        self.wait(lambda: emulator.answers(port), "the emulator")
        self.aws = Aws(
            {
                "AWS_ENDPOINT_URL": emulator.endpoint(port),
                "AWS_REGION": REGION,
                "AWS_ACCESS_KEY_ID": "operator",
                "AWS_SECRET_ACCESS_KEY": "test",
            }
        )
        self.bucket = bucket_name(self.templates["data-lake-storage"])
        deploy(self.templates["data-lake-storage"], self.aws)
        self.parts = Parts(self.templates, emulator.endpoint(port), directory, java)
        self._upload(directory)

    def wait(self, true: Callable[[], bool], what: str) -> None:
        """Wait for something while every part is well."""
        deadline = time.monotonic() + PART_SECONDS
        while not true():
            self._processes.check()
            assert time.monotonic() < deadline, f"{what} did not come within {PART_SECONDS:.0f} s"
            time.sleep(0.1)

    def run(self, *programs: Program) -> None:
        """Run programs that end, side by side."""
        children = [self._processes.start(program) for program in programs]
        self.wait(lambda: all(child.succeeded for child in children), "an end")
        self._processes.check()

    def batch(self, run_id: str) -> None:
        """What one execution of the workflow runs."""
        told = ("--run-id", run_id)
        self.run(*(self.parts.job(domain, run_id) for domain in Domain))
        self.run(*(self.parts.task(ANALYTICS_TASKS[domain], *told) for domain in Domain))
        self.run(self.parts.task(INTEGRATION_TASK, *told))

    def call(self, program: Program) -> int:
        """Run a program to its end, whatever that is; return its exit code."""
        return subprocess.run(
            program.command, env=dict(program.environment), timeout=PART_SECONDS, check=False
        ).returncode

    def start(self, *programs: Program) -> None:
        """Start programs that stay."""
        for program in programs:
            self._processes.start(program)

    def stop(self, *programs: Program) -> None:
        """End them in order."""
        self._processes.stop(*(program.name for program in programs))

    def keys(self, prefix: str) -> list[str]:
        """Return the keys of objects under a prefix."""
        pages = self.aws.client("s3").get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for page in found for item in page.get("Contents", [])]

    def arrival(self, prefix: str) -> None:
        """Wait for an object under a prefix."""
        self.wait(lambda: bool(self.keys(prefix)), prefix)

    def poison(self, domain: Domain) -> None:
        """Put a record that nobody can use."""
        kinesis = self.aws.client("kinesis")
        kinesis.put_record(StreamName=STREAMS[domain], Data=b"no event", PartitionKey="1")

    def _upload(self, directory: Path) -> None:
        files = {domain: directory / f"{domain}.csv" for domain in Domain}
        write_manufacturing(files[Domain.MANUFACTURING], ROWS[Domain.MANUFACTURING])
        write_ecommerce(files[Domain.ECOMMERCE], ROWS[Domain.ECOMMERCE])
        lines = files[Domain.MANUFACTURING].read_text(encoding="utf-8").splitlines()
        # A row that is refused. Near the beginning: a scheduled slice is a part of the file.
        lines[1] = lines[1].replace(lines[1].split(",")[2], "hot", 1)
        files[Domain.MANUFACTURING].write_text("\n".join([*lines, ""]), encoding="utf-8")
        s3 = self.aws.client("s3")
        for domain, file in files.items():
            s3.put_object(Bucket=self.bucket, Key=raw_key(domain), Body=file.read_bytes())

    def observed(self) -> Observed:
        """Return what has been recorded so far."""
        seen = Observed()
        interpreters: dict[str, Interpreter] = {}
        for line in self.log.read_bytes().splitlines():
            request = msgspec.json.decode(line, type=Seen)
            if request.key.startswith("key-"):
                reader = interpreters.setdefault(request.key, Interpreter())
                seen.calls.setdefault(request.key, []).extend(reader.calls(request))
        dynamodb = self.aws.client("dynamodb")
        for name in dynamodb.list_tables()["TableNames"]:
            schema = dynamodb.describe_table(TableName=name)["Table"]["KeySchema"]
            seen.tables[name] = [(key["AttributeName"], key["KeyType"]) for key in schema]
        return seen


@contextmanager
def scene(directory: Path, java: Path) -> Iterator[Scene]:
    """A scene; nothing of it is left afterwards."""
    with Processes(directory / "logs") as processes:
        yield Scene(directory, processes, java)


def play(scene: Scene) -> None:
    """Everything a lake does in a day: ingest, process, restart, curate, answer, mend."""
    parts = scene.parts
    processors = [parts.processor(domain) for domain in Domain]
    scene.start(*processors)
    scene.run(*(parts.scheduled_ingestor(domain) for domain in Domain))
    for domain in Domain:
        scene.poison(domain)
        scene.arrival(f"processed/{domain}/")
        scene.arrival(f"quarantine/{domain}/dt=")
    (refused,) = scene.keys("quarantine/manufacturing/ingest/")
    # The row is as unusable as before, which the command says by its exit code.
    assert scene.call(parts.ingestor("requeue", "requeue", refused)) == 1
    scene.stop(*processors)
    scene.batch("run-1")
    again = [parts.processor(domain) for domain in Domain]
    before = len(scene.keys("processed/"))
    scene.start(*again)
    scene.run(*(parts.scheduled_ingestor(domain) for domain in Domain))
    scene.wait(lambda: len(scene.keys("processed/")) >= before + 2, "ranges after a restart")
    scene.batch("run-2")
    port = free_port()
    scene.start(parts.api(port))
    api = HttpClient(f"http://127.0.0.1:{port}")
    scene.wait(lambda: _ready(api), "the API's answers")
    for path in ASKED_OF_THE_API:
        assert api.get(path).ok, path
    scene.stop(*again)


def _ready(api: HttpClient) -> bool:
    return api.get("/readyz").ok
