"""Feeds a lake: both data sets under `raw/` and once onto their streams, then a live trickle."""

from __future__ import annotations

import argparse
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ingestor.arguments import parse
from ingestor.commands import ReplayCommand, upload
from ingestor.s3_bucket import S3Bucket
from ingestor.settings import Settings
from lake_core.errors import InputError, LakeError
from lake_core.layout import raw_key
from lake_core.names import CSV_FILES, STREAMS, Domain
from lake_core.stopping import StopSignal

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient
    from types_boto3_s3 import S3Client

log = logging.getLogger("ingestor")
FAILED: Final = 1


class Feed:
    """Both domains at once, a thread each; what was interrupted goes on at its cursor."""

    def __init__(
        self,
        asked: argparse.Namespace,
        settings: Settings,
        s3: S3Client,
        kinesis: KinesisClient,
        stop: StopSignal,
    ) -> None:
        self._asked = asked
        self._settings = settings
        self._s3 = s3
        self._kinesis = kinesis
        self._stop = stop
        self._codes: dict[Domain, int] = {}

    def run(self) -> int:
        """Feed until all is sent, or, with a trickle, until stopped; return the exit code.

        Raises:
            InputError: a file is in none of the directories.
        """
        files = {domain: given_file(domain, self._asked.directory) for domain in Domain}
        threads = [
            threading.Thread(target=self._feed, args=pair, name=pair[0]) for pair in files.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return max(self._codes.values())

    def _feed(self, domain: Domain, file: Path) -> None:
        code = FAILED
        try:
            code = self._send(domain, file)
        except LakeError as error:
            log.critical("%s: %s", domain, error)
        except Exception:
            log.exception("%s: stopped by an unexpected error", domain)
        finally:
            self._codes[domain] = code
            if code:
                self._stop.event.set()  # the other one too: both are started again together

    def _send(self, domain: Domain, file: Path) -> int:
        bucket = S3Bucket(self._s3, self._settings.bucket)
        upload(parse(["upload", "--domain", domain, "--file", str(file)]), bucket)
        for arguments in replays(domain, self._settings.bucket, self._asked):
            if self._stop.event.is_set():
                break
            asked = parse(arguments)
            command = ReplayCommand(
                asked, self._settings, self._s3, self._kinesis, self._stop, alone=False
            )
            if code := command.run():
                return code
        return 0


def given_file(domain: Domain, directories: list[Path]) -> Path:
    """Return a domain's CSV out of the first directory that has it.

    Raises:
        InputError: none has it.
    """
    for directory in directories:
        if (file := directory / CSV_FILES[domain]).is_file():
            return file
    places = ", ".join(str(directory) for directory in directories)
    raise InputError(f"{CSV_FILES[domain]} is not in {places}")


def replays(domain: Domain, bucket: str, asked: argparse.Namespace) -> Iterator[list[str]]:
    """Yield the replays of a domain, one after the other, as their command lines."""
    replay = ["replay", "--source", f"s3://{bucket}/{raw_key(domain)}"]
    replay += ["--stream", STREAMS[domain], "--packing", asked.packing, "--resume"]
    yield [*replay, "--rate", "max"]
    if asked.trickle is not None:
        # Lap 0 was the data set itself; event time goes on from there.
        yield [*replay, "--laps", "forever", "--start-lap", "1", "--rate", f"{asked.trickle:g}/s"]
