"""Row 11: the real ingestor is killed, refused in part, and left without an answer.

What the ingestor put on the stream is read back from the stream itself. A record it had to put
twice is two records there, and both must be in the lake, each once.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

from lake_core.schema import csv_header
from lake_core.wire import Packing
from lake_local import emulator as ministack
from lake_local.processes import Program
from tests.faults import misfortunes
from tests.faults.emulators import CREDENTIALS
from tests.faults.events import DOMAIN, Entry, cells_of
from tests.faults.proxy import no_fault
from tests.faults.scene import EVENTS, STREAM, Scene
from tests.faults.waiting import until
from tests.plain_lines import plain_lines

RUN_SECONDS: Final = 180  # a claim that a killed ingestor left lasts 60 s


def refused_in_part(scene: Scene) -> None:
    """PutRecords refuses a third of the records of every call."""
    scene.put_proxy.fault = misfortunes.partial_failures(scene.rng, 0.3)
    _replayed(scene)


def unknown_outcomes(scene: Scene) -> None:
    """A fifth of the calls are applied and never answered."""
    fault = misfortunes.silent_after(scene.rng)
    scene.put_proxy.fault = misfortunes.sometimes(
        scene.rng, 0.2, fault, which=misfortunes.is_put_records
    )
    _replayed(scene)


def ingestor_killed(scene: Scene) -> None:
    """`kill -9` of the ingestor in the middle of the file; it is started again to resume."""
    scene.worker("w1")
    source = _csv(scene)
    command = _command(scene, source, rate="600/s")
    child = scene.start(command("ingestor-1"))
    scene.flowing()
    scene.moment(0.5, 4.0)
    if not child.running:
        scene.problems.append("the ingestor had ended before it was killed; the row showed nothing")
    child.process.kill()
    child.process.wait(30)
    scene.fault_over()
    for attempt in range(2, 100):
        again = scene.start(command(f"ingestor-{attempt}"))
        until(lambda child=again: not child.running, RUN_SECONDS, "the ingestor ends")  # type: ignore[misc]
        if again.succeeded:
            break
        time.sleep(3)  # the claim of the one that was killed has to expire
    _read_back(scene, source)
    scene.recovered()


def _replayed(scene: Scene) -> None:
    scene.worker("w1")
    source = _csv(scene)
    child = scene.start(_command(scene, source, rate="2000/s")("ingestor-1"))
    until(lambda: not child.running, RUN_SECONDS, "the ingestor ends")
    scene.put_proxy.fault = no_fault
    if not child.succeeded:
        scene.problems.append(child.failure() or "the ingestor failed")
    scene.fault_over()
    _read_back(scene, source)
    scene.recovered()


def _csv(scene: Scene) -> Path:
    path = scene.directory / "matrix.csv"
    scene.sources.append(path)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, csv_header(DOMAIN))
        writer.writeheader()
        writer.writerows(cells_of(row) for row in range(scene.scaled(EVENTS)))
    return path


def _command(scene: Scene, source: Path, rate: str) -> Any:
    packing = scene.rng.choice(list(Packing)).value
    environment = CREDENTIALS | {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": ministack.endpoint(scene.emulator.port),
        "AWS_ENDPOINT_URL_KINESIS": ministack.endpoint(scene.put_proxy.port),
        "INGESTOR_BUCKET": scene.bucket.name,
    }
    command = [
        sys.executable, "-m", "ingestor", "replay", "--source", str(source), "--stream", STREAM,
        "--rate", rate, "--packing", packing, "--resume",
    ]  # fmt: skip
    return lambda name: Program(name, command, environment, cure="", ends=True)


def _read_back(scene: Scene, source: Path) -> None:
    """Fill the ledger from the stream, and count rows of the file that are missing there."""
    seen: set[int] = set()
    for shard in scene.kinesis.list_shards(StreamName=STREAM)["Shards"]:
        for record in _records(scene, shard["ShardId"]):
            lines = plain_lines(DOMAIN, record["Data"])
            entries = [_entry(line, source) for line in lines]
            scene.ledger.add(shard["ShardId"], record["SequenceNumber"], entries)
            seen |= {entry.identity[1] for entry in entries if entry.identity}
    scene.lost += scene.scaled(EVENTS) - len(seen)


def _records(scene: Scene, shard: str) -> list[dict[str, Any]]:
    iterator = scene.kinesis.get_shard_iterator(
        StreamName=STREAM, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records: list[dict[str, Any]] = []
    while True:
        answer = scene.kinesis.get_records(ShardIterator=iterator, Limit=10_000)
        records += answer["Records"]
        iterator = answer["NextShardIterator"]
        if not answer["Records"] and not answer["MillisBehindLatest"]:
            return records


def _entry(line: bytes, source: Path) -> Entry:
    event = json.loads(line)
    identity = (event["event_source"], event["event_row"])
    if not identity[0].startswith(source.name):
        raise AssertionError(f"an event of another source: {identity}")
    return Entry(line, identity, cells_of(identity[1]))
