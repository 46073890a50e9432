"""The command line: what can be asked of the ingestor."""

from __future__ import annotations

import argparse
from typing import Final

from lake_core.names import STREAMS, Domain
from lake_core.wire import Packing

ROWS_PER_DAY: Final = 100_000  # what the original's scheduled simulator sent
DESCRIPTION: Final = "Replays CSV files into Kinesis."


def parser() -> argparse.ArgumentParser:
    """Return the parser of `python -m ingestor`."""
    top = argparse.ArgumentParser(prog="ingestor", description=DESCRIPTION)
    commands = top.add_subparsers(dest="command", required=True)
    upload = commands.add_parser("upload", help="put a CSV under raw/")
    upload.add_argument("--domain", required=True, choices=[d.value for d in Domain])
    upload.add_argument("--file", required=True, help="the CSV, as it was downloaded")
    _replay(commands.add_parser("replay", help="send a CSV to its stream, event by event"))
    return top


def _replay(replay: argparse.ArgumentParser) -> None:
    add = replay.add_argument
    add("--source", required=True, help="s3://bucket/key or the path of a CSV")
    add("--stream", required=True, choices=sorted(STREAMS.values()))
    pace = replay.add_mutually_exclusive_group()
    pace.add_argument("--rate", default="max", help="events a second, 1157/s, or max (default)")
    pace.add_argument("--speed", help="a multiple of event time on average, 60x")
    pace.add_argument(
        "--every", type=_positive, metavar="SECONDS",
        help="send the next slice of the file at each tick, wherever the last one ended",
    )  # fmt: skip
    add("--rows-per-day", type=_positive, default=ROWS_PER_DAY, help="with --every: slice size")
    add("--once", action="store_true", help="with --every: one slice, then end (for a scheduler)")
    add("--packing", default=Packing.NONE.value, choices=[packing.value for packing in Packing])
    add("--limit", type=_positive, help="send no more rows than this in all")
    add("--laps", type=_laps, default=1, help="how often to send the file, or forever")
    add("--start-lap", type=_lap, default=0, help="number of the first lap; shifts event times")
    add("--resume", action="store_true", help="go on where the replay before was interrupted")


def _positive(text: str) -> int:
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError("expected a whole number above 0")
    return value


def _lap(text: str) -> int:
    if (value := int(text)) < 0:
        raise argparse.ArgumentTypeError("expected 0 or more")
    return value


def _laps(text: str) -> int | None:
    return None if text == "forever" else _positive(text)
