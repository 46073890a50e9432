"""`python -m processor run | child | healthy`: wires settings, clients and parts."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import Final

import boto3
import msgspec
import pyarrow as pa

from lake_core.errors import LakeError, SettingsError
from lake_core.layout import incarnation_of
from lake_core.logs import configure_logging
from lake_core.metrics import SUFFIX
from lake_core.rules import rule_set
from lake_core.settings import load
from processor import daemon, dynamodb_live, health
from processor.chain import FlushPolicy
from processor.child import ChildParts, Stream, run_child
from processor.fail_points import FailingLakeStore, kill_self, refuse_where_deployed
from processor.kcl_protocol import Daemon
from processor.lake_store import LakeStore
from processor.leases import LeaseTable, root_shards
from processor.live import LiveStore
from processor.s3_store import CLIENT_CONFIG, S3LakeStore
from processor.settings import PREFIX, Settings

log = logging.getLogger("processor")
STDIN, STDOUT = 0, 1
RETENTION_WANTED_HOURS: Final = 24  # I8


def main(arguments: list[str]) -> int:
    """Run one of the commands; return the exit code."""
    parser = argparse.ArgumentParser(prog="processor", description=__doc__)
    parser.add_argument("command", choices=("run", "child", "healthy"))
    command = parser.parse_args(arguments).command
    configure_logging("processor")
    try:
        settings = load(Settings, PREFIX, os.environ)
        refuse_where_deployed(
            settings.fail_point, deployed=settings.deployed, environment=os.environ
        )
        return {"run": _run, "child": _child, "healthy": _healthy}[command](settings)
    except LakeError as error:
        # Its message says all there is to say; a trace would bury it.
        log.critical("%s: %s", type(error).__name__, error)
        return 2 if isinstance(error, SettingsError) else 1
    except Exception:
        # In KCL an exception must never be swallowed: named, and the process ends.
        log.exception("stopped by an unexpected error")
        return 1


def _run(settings: Settings) -> int:
    """Prepare what the daemon needs, then become the daemon."""
    kinesis = boto3.client("kinesis")
    summary = kinesis.describe_stream_summary(StreamName=settings.stream)[
        "StreamDescriptionSummary"
    ]
    created = summary["StreamCreationTimestamp"]
    stream = Stream(
        domain=settings.domain,
        incarnation=incarnation_of(created),
        created=int(created.timestamp() * 1000),
        retention_hours=summary["RetentionPeriodHours"],
    )
    if stream.retention_hours < RETENTION_WANTED_HOURS:
        raise SettingsError(f"{settings.stream} keeps records for less than 24 h; raise retention")
    table = daemon.lease_table(settings)
    leases = LeaseTable(boto3.client("dynamodb"), boto3.client("s3"), settings.bucket, table)
    leases.prepare(stream.incarnation, root_shards(kinesis, settings.stream))
    directory = settings.state_directory
    _write_configuration(settings, stream, directory)
    jars = Path(str(files("amazon_kclpy"))) / "jars"
    command = daemon.java_command(
        settings, directory, jars, emulator=daemon.endpoint(os.environ, "kinesis") is not None
    )
    log.info(
        "starting the daemon", extra={"stream": settings.stream, "incarnation": stream.incarnation}
    )
    os.execvp(command[0], command)  # noqa: S606 - the JVM is the main process, it gets the signals


def _write_configuration(settings: Settings, stream: Stream, directory: Path) -> None:
    settings.heartbeats.mkdir(parents=True, exist_ok=True)
    for old in settings.heartbeats.iterdir():
        old.unlink()
    if isinstance(metrics := settings.metrics_target, Path) and metrics.is_dir():
        for old in metrics.glob(f"*{SUFFIX}"):
            old.unlink()  # of children that were killed
    settings.stream_facts_file.write_bytes(msgspec.json.encode(stream))
    text = daemon.properties(settings, stream.incarnation, os.environ)
    (directory / "daemon.properties").write_text(text, encoding="utf-8")
    (directory / "logback.xml").write_text(daemon.logback(), encoding="utf-8")


def _child(settings: Settings) -> int:
    # Arrow's own pool keeps what a range took: 40 MB a child more, and no time saved.
    pa.set_memory_pool(pa.system_memory_pool())
    stream = msgspec.json.decode(settings.stream_facts_file.read_bytes(), type=Stream)
    client = boto3.client("s3", config=CLIENT_CONFIG)
    bucket = S3LakeStore(client, settings.bucket)
    store: LakeStore = bucket
    if settings.fail_point:
        store = FailingLakeStore(
            store, settings.fail_point, settings.state_directory, die=kill_self
        )
    parts = ChildParts(
        store=store,
        live=_live_store(settings.live_table) if settings.live_table else None,
        stream=stream,
        rules=rule_set(settings.rule_set),
        policy=FlushPolicy(settings.max_rows, settings.max_bytes, settings.max_age_seconds),
        heartbeats=settings.heartbeats,
        clock=lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        wall_clock=time.time,
        metrics=settings.metrics_target,
        store_retries=lambda: bucket.retries,
    )
    run_child(Daemon(STDIN, STDOUT), parts)
    return 0


def _live_store(table: str) -> LiveStore:
    dynamodb = boto3.client("dynamodb", config=dynamodb_live.CLIENT_CONFIG)
    events = boto3.client("events", config=dynamodb_live.CLIENT_CONFIG)
    return dynamodb_live.DynamoDBLive(dynamodb, events, table)


def _healthy(settings: Settings) -> int:
    problem = health.problem(settings.heartbeats, time.time())
    if problem:
        log.error("%s", problem)
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
