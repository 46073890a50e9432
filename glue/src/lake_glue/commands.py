"""The commands, wired: settings, Spark, bucket, run. Exit codes: 0 done, 1 failed, 75 try again."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from lake_core.catalog import curated_tables
from lake_core.errors import InputError, LakeError, TransientError
from lake_core.logs import configure_logging
from lake_core.names import Domain
from lake_glue.etl import Etl
from lake_glue.s3_objects import s3_objects
from lake_glue.session import make_session
from lake_glue.settings import Settings, add_arguments, parse
from lake_glue.tables import Curated

log = logging.getLogger("lake_glue")
TRY_AGAIN: Final = 75  # EX_TEMPFAIL
CAUSE_CHARACTERS: Final = 2000


def run_job(domain: Domain, arguments: Sequence[str]) -> None:
    """Run a domain's ETL as AWS Glue does: an exception is the failure, its end is success."""
    configure_logging("glue")
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    _, settings = parse(parser, arguments, os.environ)
    etl(domain, settings)


def etl(domain: Domain, settings: Settings) -> None:
    """Run a domain's ETL and say what it did."""
    spark = make_session(f"{domain}-etl", settings)
    try:
        report = Etl(spark, settings, s3_objects(settings), domain).run()
    finally:
        spark.stop()
    log.info("done", extra=report.said)


def main(arguments: Sequence[str]) -> int:
    """Run a command; return the exit code."""
    parser = argparse.ArgumentParser(prog="lake_glue")
    commands = parser.add_subparsers(dest="command", required=True)
    etl_parser = commands.add_parser("etl", help="publish what has arrived in a domain")
    etl_parser.add_argument("--domain", type=Domain, choices=list(Domain), required=True)
    rollback = commands.add_parser("rollback", help="take a curated table a snapshot back")
    rollback.add_argument("--table", required=True)
    for one in (etl_parser, rollback):
        add_arguments(one)
    configure_logging("glue")
    signal.signal(signal.SIGTERM, _end)
    known, settings = parse(parser, arguments, os.environ)
    try:
        if known.command == "etl":
            etl(known.domain, settings)
        else:
            _roll_back(known.table, settings)
    except TransientError as error:
        log.critical("%s", error)
        return TRY_AGAIN
    except LakeError as error:
        log.critical("%s: %s", type(error).__name__, error)
        return 1
    except Exception as error:  # noqa: BLE001 - named, and the process ends
        log.critical("%s", cause_of(error), extra={"at": _where(error)})
        return 1
    return 0


def _roll_back(name: str, settings: Settings) -> None:
    tables = {table.name: table for table in curated_tables()}
    if name not in tables:
        raise InputError(f"{name} is not a curated table; there are {', '.join(sorted(tables))}")
    spark = make_session("rollback", settings)
    try:
        now, before = Curated(spark, tables[name], settings.bucket).roll_back()
    finally:
        spark.stop()
    log.info("rolled back", extra={"table": name, "from_snapshot": before, "to_snapshot": now})


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    # What was prepared is on a branch of its own: nothing is published by half.
    log.warning("asked to end by signal %d", number)
    sys.exit(128 + number)


def _where(error: Exception) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(one.filename).name}:{one.lineno} {one.name}" for one in frames]


def cause_of(error: Exception) -> str:
    """Return what went wrong in a line or two: of a Java error its own words, not its stack."""
    lines = [line for line in str(error).splitlines() if not line.startswith("\tat ")]
    told = [line.removeprefix(": ") for line in lines if line.startswith((": ", "Caused by: "))]
    return f"{type(error).__name__}: {' '.join(told or lines)}"[:CAUSE_CHARACTERS]
