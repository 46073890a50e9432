"""`python -m analytics_api serve`: wires settings, client and parts."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time

import boto3
import uvicorn

from analytics_api.app import make_app
from analytics_api.follower import Follower
from analytics_api.s3_lake import CLIENT_CONFIG, S3Lake
from analytics_api.service import LakeService
from analytics_api.settings import PREFIX, Settings
from lake_core.errors import LakeError, SettingsError
from lake_core.logs import configure_logging
from lake_core.rules import rule_set
from lake_core.settings import load

log = logging.getLogger("analytics_api")
SHUTDOWN_SECONDS = 5  # for requests under way
MAX_CONNECTIONS = 1000
KEEP_ALIVE_SECONDS = 30
MAX_HEADER_BYTES = 16 * 1024


def main(arguments: list[str]) -> int:
    """Run one of the commands; return the exit code."""
    parser = argparse.ArgumentParser(prog="analytics_api", description=__doc__)
    parser.add_argument("command", choices=("serve",))
    parser.parse_args(arguments)
    configure_logging("analytics_api")
    try:
        return _serve(load(Settings, PREFIX, os.environ))
    except LakeError as error:
        log.critical("%s", error)
        return 2 if isinstance(error, SettingsError) else 1


def _serve(settings: Settings) -> int:
    rules = rule_set(settings.rule_set)
    lake = S3Lake(boto3.client("s3", config=CLIENT_CONFIG), settings.bucket)
    service = LakeService(Follower(lake, rules, time.time), rules, settings.poll_seconds)
    server = uvicorn.Server(
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
        )
    )
    log.info("serving", extra={"address": f"http://{settings.host}:{settings.port}"})
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
