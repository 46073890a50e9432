"""`python -m ingestor upload | replay | requeue | feed | healthy`: wires arguments and parts."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time

import boto3

from ingestor import commands, heartbeat, kinesis_stream, s3_bucket
from ingestor.arguments import parse
from ingestor.feed import Feed
from ingestor.settings import PREFIX, Settings
from ingestor.stop import stop_signal
from lake_core.errors import LakeError, SettingsError
from lake_core.logs import configure_logging
from lake_core.settings import load

log = logging.getLogger("ingestor")


def main(arguments: list[str]) -> int:
    """Run one of the commands; return the exit code."""
    asked = parse(arguments)
    configure_logging("ingestor")
    try:
        settings = load(Settings, PREFIX, os.environ)
        return _healthy(settings) if asked.command == "healthy" else _perform(asked, settings)
    except LakeError as error:
        # Its message says all there is to say; a trace would bury it.
        log.critical("%s", error)
        return 2 if isinstance(error, SettingsError) else 1
    except Exception:
        log.exception("stopped by an unexpected error")
        return 1


def _perform(asked: argparse.Namespace, settings: Settings) -> int:
    s3 = boto3.client("s3", config=s3_bucket.CLIENT_CONFIG)
    if asked.command == "upload":
        commands.upload(asked, s3_bucket.S3Bucket(s3, settings.bucket))
        return 0
    kinesis = boto3.client("kinesis", config=kinesis_stream.CLIENT_CONFIG)
    if asked.command == "requeue":
        bucket = s3_bucket.S3Bucket(s3, settings.bucket)
        return commands.requeue_object(asked, settings, bucket, kinesis)
    with stop_signal() as stop:
        command = Feed if asked.command == "feed" else commands.ReplayCommand
        return command(asked, settings, s3, kinesis, stop).run()


def _healthy(settings: Settings) -> int:
    problem = heartbeat.problem(settings.heartbeats, time.time())
    if problem:
        log.error("%s", problem)
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
