"""The command line: what can be asked of the ingestor. What cannot ends with exit code 2."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from ingestor.pace import parse_rate, parse_speed
from lake_core.errors import InputError
from lake_core.names import STREAMS, Domain
from lake_core.wire import Packing

T = TypeVar("T")
ROWS_PER_DAY: Final = 100_000  # what the original's scheduled simulator sent
DESCRIPTION: Final = "Replays CSV files into Kinesis."
# --every goes on at its cursor without end; these say something else.
_NOT_WITH_EVERY: Final = {"limit": None, "laps": 1, "start_lap": 0, "resume": False}
_ONLY_WITH_EVERY: Final = {"once": False, "rows_per_day": None}


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return what is asked; ends the program with a message and exit code 2 if it makes no sense.

    `rate` and `speed` are numbers (`rate` None: as fast as possible), `laps` None is forever.
    """
    top = argparse.ArgumentParser(prog="ingestor", description=DESCRIPTION)
    commands = top.add_subparsers(dest="command", required=True)
    upload = commands.add_parser("upload", help="put a CSV under raw/")
    upload.add_argument("--domain", required=True, choices=[d.value for d in Domain])
    upload.add_argument("--file", required=True, help="the CSV, as it was downloaded")
    replay = commands.add_parser("replay", help="send a CSV to its stream, event by event")
    _add_replay(replay)
    again = commands.add_parser("requeue", help="send what is in quarantine and can be used now")
    again.add_argument("key", help="of the quarantine object: quarantine/…/….jsonl")
    again.add_argument("--corrected", help="a file of corrected JSON events, line for line")
    _add_feed(commands.add_parser("feed", help="upload and replay both data sets, then a trickle"))
    commands.add_parser("healthy", help="exit 0 while replays get on")
    asked = top.parse_args(arguments)
    if asked.command == "replay":
        _check(replay, asked)
    return asked


def _add_replay(replay: argparse.ArgumentParser) -> None:
    add = replay.add_argument
    add("--source", required=True, help="s3://bucket/key or the path of a CSV")
    add("--stream", required=True, choices=sorted(STREAMS.values()))
    pace = replay.add_mutually_exclusive_group()
    pace.add_argument(
        "--rate", type=_as_usage(parse_rate), default="max",
        help="events a second, 1157/s, or max (default)",
    )  # fmt: skip
    pace.add_argument(
        "--speed", type=_as_usage(parse_speed), help="a multiple of event time on average, 60x"
    )
    pace.add_argument(
        "--every", type=_positive, metavar="SECONDS",
        help="send the next slice of the file at each tick, wherever the last one ended",
    )  # fmt: skip
    add("--rows-per-day", type=_positive, help=f"with --every: slice size ({ROWS_PER_DAY:,})")
    add("--once", action="store_true", help="with --every: one slice, then end (for a scheduler)")
    add("--packing", default=Packing.NONE.value, choices=[packing.value for packing in Packing])
    add("--limit", type=_positive, help="send no more rows than this, a resumed replay's included")
    add("--laps", type=_laps, default=1, help="how often to send the file, or forever")
    add("--start-lap", type=_lap, default=0, help="number of the first lap; shifts event times")
    add("--resume", action="store_true", help="go on where the replay before was interrupted")


def _add_feed(feed: argparse.ArgumentParser) -> None:
    feed.add_argument(
        "--directory", type=Path, action="append", required=True,
        help="where the CSVs are; may be given again: the first that has a file counts",
    )  # fmt: skip
    feed.add_argument(
        "--packing", default=Packing.NDJSON_ZSTD.value, choices=[p.value for p in Packing]
    )
    feed.add_argument(
        "--trickle", type=_as_usage(parse_rate), metavar="RATE",
        help="go on at this pace, 20/s, lap after lap; without it the feed ends",
    )  # fmt: skip


def _check(replay: argparse.ArgumentParser, asked: argparse.Namespace) -> None:
    wrong = _NOT_WITH_EVERY if asked.every else _ONLY_WITH_EVERY
    for name, default in wrong.items():
        if getattr(asked, name) != default:
            word = "cannot be used with" if asked.every else "needs"
            replay.error(f"--{name.replace('_', '-')} {word} --every")
    if asked.rows_per_day is None:
        asked.rows_per_day = ROWS_PER_DAY


def _as_usage(read: Callable[[str], T]) -> Callable[[str], T]:
    def parsed(text: str) -> T:
        try:
            return read(text)
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parsed


def _whole(text: str, least: int) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number, {least} or more")
    return int(text)


def _positive(text: str) -> int:
    return _whole(text, 1)


def _lap(text: str) -> int:
    return _whole(text, 0)


def _laps(text: str) -> int | None:
    return None if text == "forever" else _positive(text)
