"""One repetition: emulators, a stream of three shards, processors, a load, and the count after."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from lake_core.names import PROCESSORS, STREAMS
from lake_local import emulator as ministack
from lake_local.processes import Child, Processes, Program
from tests.faults.audit import Bucket, Contents, Finding, compare, read_lake
from tests.faults.emulators import CREDENTIALS, KinesisLocal, Ministack, client
from tests.faults.events import DOMAIN, Entry
from tests.faults.feeder import Feeder, Load
from tests.faults.ledger import Ledger
from tests.faults.proxy import HttpProxy, TcpProxy
from tests.faults.verifier import verify
from tests.faults.waiting import until
from tests.faults.watcher import Watcher
from tests.faults.workers import Supervisor, Worker

STREAM: Final = STREAMS[DOMAIN]
LEASES: Final = PROCESSORS[DOMAIN]
SHARDS: Final = 3
EVENTS: Final = 20_000
SHORTEST_SHARE: Final = 0.3  # of a load's seconds, in a small repetition
FLOW_SECONDS: Final = 90  # for the first range of every shard
STUCK_SECONDS: Final = 180  # a shard not done so long after the fault and the load is stuck
CALM_SECONDS: Final = 2.0  # for a zombie to do its harm before the count


class Scene:
    """What a row of the matrix plays on."""

    def __init__(
        self, directory: Path, rng: random.Random, *, scale: float = 1.0, outage: float = 25.0,
        resharding: bool = False, conditional: bool = True,
    ) -> None:  # fmt: skip
        self.rng = rng
        self.outage = outage  # seconds a service is gone
        self.directory = directory
        self.ledger = Ledger()
        self.recoveries: list[float] = []
        self.problems: list[str] = []
        self.sources: list[Path] = []  # CSVs that were replayed
        self.lost = 0  # on the way to the stream
        self.either: Callable[[Entry], bool] = lambda _: False
        self._scale = scale
        self._resharding = resharding
        self._conditional = conditional
        self._fault_ended = 0.0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self._stack.close()
            raise
        return self

    def _open(self) -> None:
        stack = self._stack
        self.directory.mkdir(parents=True)
        self._processes = stack.enter_context(Processes(self.directory / "logs"))
        self.emulator = Ministack(self._processes, self.directory / "emulator")
        self.emulator.start()
        kinesis_port = self.emulator.port
        if self._resharding:
            resharder = KinesisLocal(self._processes, self.directory / "kinesis-local")
            resharder.start()
            kinesis_port = resharder.port
        self.s3, self.dynamodb = (
            client("s3", self.emulator.port),
            client("dynamodb", self.emulator.port),
        )
        self.kinesis = client("kinesis", kinesis_port)
        for made in (self.s3, self.dynamodb, self.kinesis):
            stack.callback(made.close)
        self.s3_proxy = HttpProxy(self.emulator.port).start()
        self.dynamodb_proxy = HttpProxy(self.emulator.port).start()
        self.kinesis_proxy = TcpProxy(kinesis_port).start()
        self.put_proxy = HttpProxy(kinesis_port).start()
        for proxy in (self.s3_proxy, self.dynamodb_proxy, self.kinesis_proxy, self.put_proxy):
            stack.callback(proxy.close)
        self._create()
        self.feeder = Feeder(self.kinesis, STREAM, self.ledger, self.rng)
        self.watcher = Watcher(self.s3, self.bucket.name)
        stack.callback(self.watcher.close)
        stack.callback(self.feeder.close)
        self.supervisor = Supervisor()
        stack.callback(self.supervisor.close)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._stack.close()

    def _create(self) -> None:
        self.bucket = Bucket(self.s3, f"lake-{uuid.uuid4().hex[:12]}")
        self.s3.create_bucket(Bucket=self.bucket.name)
        self.kinesis.create_stream(StreamName=STREAM, ShardCount=SHARDS)

        def active() -> bool:
            summary = self.kinesis.describe_stream_summary(StreamName=STREAM)
            return bool(summary["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")

        until(active, 30, f"stream {STREAM} is active")

    # --- what a row does

    def worker(self, name: str, *, state: Path | None = None, **settings: str) -> Worker:
        """Start a processor that is kept running."""
        state = state or self.directory / name
        state.mkdir(parents=True, exist_ok=True)
        environment = CREDENTIALS | {
            "AWS_ENDPOINT_URL_S3": ministack.endpoint(self.s3_proxy.port),
            "AWS_ENDPOINT_URL_DYNAMODB": ministack.endpoint(self.dynamodb_proxy.port),
            "AWS_ENDPOINT_URL_KINESIS": ministack.endpoint(self.kinesis_proxy.port),
            "PROCESSOR_STREAM": STREAM,
            "PROCESSOR_BUCKET": self.bucket.name,
            "PROCESSOR_MAX_AGE_SECONDS": "1",
        }
        worker = Worker(self._processes, name, state, environment | settings)
        worker.start()
        self.supervisor.workers.append(worker)
        return worker

    def start(self, program: Program) -> Child:
        """Start a program that is no processor."""
        return self._processes.start(program)

    def on_close(self, callback: Callable[[], object]) -> None:
        """Do something at the end, before the processes are ended."""
        self._stack.callback(callback)

    @property
    def share(self) -> float:
        """How much of the full size this repetition has, at most all."""
        return min(1.0, self._scale)

    @property
    def faults(self) -> int:
        """How often a repetition causes its fault where it may do so more than once."""
        return 2 if self.share == 1.0 else 1

    def feed(self, seconds: float, *, events: int = EVENTS, **options: float) -> None:
        """Begin to send the load."""
        shortened = seconds * max(self.share, SHORTEST_SHARE)
        self.feeder.start(Load(self.scaled(events), shortened, **options))

    def scaled(self, events: int) -> int:
        """Return how many events a repetition of this size has."""
        return int(events * self._scale)

    def flowing(self) -> None:
        """Wait until every shard has a range in the lake."""
        until(lambda: len(self.watcher.records()) >= SHARDS, FLOW_SECONDS, "a range of each shard")

    def moment(self, least: float, most: float) -> None:
        """Let a random time pass, in seconds."""
        time.sleep(self.rng.uniform(least, most))

    def fault_over(self) -> None:
        """Note that the fault has ended: recovery begins."""
        self._fault_ended = time.monotonic()

    def recovered(self) -> None:
        """Wait until each shard has a new range since the fault ended, or nothing is left of it."""
        began = self._fault_ended

        def shard_recovered(shard: str) -> bool:
            done = self.watcher.records().get(shard, 0) >= self.ledger.per_shard()[shard]
            return done or self.watcher.committed_since(shard, began)

        def all_recovered() -> bool:
            return all(shard_recovered(shard) for shard in self.ledger.per_shard())

        left = STUCK_SECONDS - (time.monotonic() - began)
        try:
            until(all_recovered, left, "a new range of every shard")
        except TimeoutError as error:
            self.problems.append(f"after the fault: {error}")
        self.recoveries.append(time.monotonic() - began)

    def settle(self) -> None:
        """Wait until the load is sent and the lake holds it, or the deadline says it is stuck."""
        self.feeder.finish(STUCK_SECONDS)
        try:
            until(self.complete, STUCK_SECONDS, "all records sent are in the lake")
        except TimeoutError as error:
            self.problems.append(str(error))

    def complete(self) -> bool:
        """Whether the lake holds as many records of each shard as were sent."""
        held = self.watcher.records()
        return all(held.get(shard, 0) >= sent for shard, sent in self.ledger.per_shard().items())

    def leases(self) -> dict[str, dict[str, Any]]:
        """Return the leases as the table has them, by shard."""
        try:
            items = self.dynamodb.scan(TableName=LEASES, ConsistentRead=True)["Items"]
        except self.dynamodb.exceptions.ResourceNotFoundException:
            return {}  # no processor has got so far
        keyed = {item["leaseKey"]["S"]: item for item in items}
        return {key: item for key, item in keyed.items() if key.startswith("shardId")}

    def owned_by(self, name: str) -> int:
        """Return how many leases a worker holds."""
        return sum(i.get("leaseOwner", {}).get("S") == name for i in self.leases().values())

    def finding(self) -> Finding:
        """Count, once zombies had their time."""
        time.sleep(CALM_SECONDS)
        finding = compare(self.contents(), self.ledger.records(), self.either)
        finding.lost += self.lost
        finding.problems += self.problems + verify(
            self.bucket.name, self.emulator.port, self.sources
        )
        return finding

    def contents(self) -> Contents:
        """Read the whole lake."""
        return read_lake(self.bucket)
