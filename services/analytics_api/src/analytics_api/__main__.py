"""`python -m analytics_api serve | verify | analyze | integrate`: wires settings and parts."""

from __future__ import annotations

import argparse
import datetime as dt
import logging
import os
import sys
import time
from pathlib import Path
from types import FrameType

import boto3
import msgspec
import uvicorn

from analytics_api import verify
from analytics_api.alert_feed import AlertFeed
from analytics_api.analyze import AnalyticsTask
from analytics_api.app import make_app
from analytics_api.directory_lake import DirectoryLake
from analytics_api.dynamodb_checkpoints import committed_positions
from analytics_api.dynamodb_live_source import CLIENT_CONFIG as LIVE_CLIENT_CONFIG
from analytics_api.dynamodb_live_source import DynamoDBLiveSource
from analytics_api.follower import Follower
from analytics_api.integrate import IntegrationTask
from analytics_api.lake_reader import LakeReader
from analytics_api.live_source import LiveSource
from analytics_api.s3_analytics_store import S3AnalyticsStore
from analytics_api.s3_lake import CLIENT_CONFIG, S3Lake
from analytics_api.service import LakeService
from analytics_api.settings import PREFIX, Settings
from lake_core.errors import LakeError, SettingsError, TransientError
from lake_core.logs import configure_logging
from lake_core.names import Domain
from lake_core.rules import rule_set
from lake_core.settings import load

log = logging.getLogger("analytics_api")
EXIT_CODES = {SettingsError: 2, TransientError: 75}  # 75: sysexits' "try again"
SHUTDOWN_SECONDS = 5  # for requests under way
MAX_CONNECTIONS = 1000
LOOK_AGAIN_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 30
MAX_HEADER_BYTES = 16 * 1024


def main(arguments: list[str]) -> int:
    """Run one of the commands; return the exit code."""
    parser = argparse.ArgumentParser(prog="analytics_api", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="answer over HTTP")
    verify_parser = commands.add_parser("verify", help="prove that nothing is lost or twice")
    verify_parser.add_argument(
        "--directory", type=Path, help="read the objects from here instead of the bucket"
    )
    verify_parser.add_argument(
        "--source", type=Path, action="append", default=[], metavar="CSV",
        help="also say where each row of this replayed file is; may be given again",
    )  # fmt: skip
    verify_parser.add_argument(
        "--raw", action="store_true", help="also say where each row of the CSVs under raw/ is"
    )
    verify_parser.add_argument(
        "--wait-seconds", type=float, default=90.0,
        help="how long rows that were just sent may take to be written (default 90)",
    )  # fmt: skip
    verify_parser.add_argument("--json", action="store_true", help="print the proof as JSON")
    analyze_parser = commands.add_parser("analyze", help="publish a domain's state and insights")
    analyze_parser.add_argument("domain", type=Domain, choices=[*Domain])
    integrate_parser = commands.add_parser("integrate", help="publish both domains' insights")
    for task_parser in (analyze_parser, integrate_parser):
        task_parser.add_argument("--run-id", help="of the workflow; stands in what is published")
    asked = parser.parse_args(arguments)
    configure_logging("analytics_api")
    try:
        settings = load(Settings, PREFIX, os.environ)
        match asked.command:
            case "verify":
                return _verify(settings, asked)
            case "analyze" | "integrate":
                return _publish(settings, asked)
        return _serve(settings)
    except LakeError as error:
        log.critical("%s", error)
        return EXIT_CODES.get(type(error), 1)


def _publish(settings: Settings, asked: argparse.Namespace) -> int:
    # Here, for PyIceberg takes half a second that `serve` need not wait for.
    from analytics_api.iceberg_events import IcebergEvents, glue_catalog  # noqa: PLC0415

    store = S3AnalyticsStore(boto3.client("s3", config=CLIENT_CONFIG), settings.bucket)
    rules, run_id = rule_set(settings.rule_set), asked.run_id
    if asked.command == "analyze":
        glue = boto3.client("glue", config=CLIENT_CONFIG)
        tables = IcebergEvents(glue_catalog(glue, os.environ))
        current = AnalyticsTask(asked.domain, tables, store, rules, _now, run_id).run()
    else:
        current = IntegrationTask(store, rules, _now, run_id).run()
    log.info("current", extra={"version": current.version, "insights": current.insights})
    return 0


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _serve(settings: Settings) -> int:
    rules = rule_set(settings.rule_set)
    lake = S3Lake(boto3.client("s3", config=CLIENT_CONFIG), settings.bucket)
    live = _live_source(settings.live_table) if settings.live_table else None
    follower = Follower(lake, rules, time.time, live=live)
    service = LakeService(follower, rules, settings.poll_seconds, settings.live_seconds)
    server = Server(
        service.feed,
        uvicorn.Config(
            make_app(service),
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http="httptools",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            limit_concurrency=MAX_CONNECTIONS,
            h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        ),
    )
    log.info("serving", extra={"address": f"http://{settings.host}:{settings.port}"})
    server.run()
    return 0 if server.started else 1


def _live_source(table: str) -> LiveSource:
    return DynamoDBLiveSource(boto3.client("dynamodb", config=LIVE_CLIENT_CONFIG), table)


class Server(uvicorn.Server):
    """Lets those go who listen to alerts, before it waits for requests to end."""

    def __init__(self, feed: AlertFeed, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._feed = feed

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See uvicorn: a signal has come."""
        self._feed.close()
        super().handle_exit(sig, frame)


def _verify(settings: Settings, asked: argparse.Namespace) -> int:
    lake: LakeReader
    positions = {}
    patience = 0.0  # what is left on disk changes no more
    if asked.directory:
        lake = DirectoryLake(asked.directory)
    else:
        lake = S3Lake(boto3.client("s3", config=CLIENT_CONFIG), settings.bucket)
        positions = committed_positions(boto3.client("dynamodb"), lake)
        patience = asked.wait_seconds
    sent = verify.cursors(lake)
    rules = rule_set(settings.rule_set)
    follower = Follower(lake, rules, time.time, stalled_seconds=0, from_states=False)
    published = None
    if verify.has_states(lake):
        published = Follower(lake, rules, time.time, stalled_seconds=0)
    walked = verify.walk(follower, positions, published)
    files = [verify.csv_file(path) for path in asked.source]
    files += verify.raw_files(lake) if asked.raw else []
    laps = verify.every_lap(walked, lake, sent, files)
    deadline = time.monotonic() + patience
    while any(lap.missing for lap in laps) and time.monotonic() < deadline:
        # Sent, and still in a processor's hands: a range is written when it is old enough.
        time.sleep(LOOK_AGAIN_SECONDS)
        walked = verify.walk(follower, positions, published)
        laps = verify.every_lap(walked, lake, sent, files)
    if asked.json:
        proof = {**walked.answer(), "sources": [lap.answer() for lap in laps]}
        print(msgspec.json.format(msgspec.json.encode(proof), indent=2).decode())
    else:
        print(verify.report(walked, laps))
    for one in filter(None, (follower, published)):
        one.close()
    return 0 if walked.verified and not any(lap.missing for lap in laps) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
