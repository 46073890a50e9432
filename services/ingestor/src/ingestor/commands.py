"""What the commands do: upload a CSV, replay it whole or in slices, requeue what was refused."""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ingestor.cursor import ClaimHeld, Cursor, Position
from ingestor.heartbeat import Heartbeat
from ingestor.kinesis_stream import KinesisStream
from ingestor.local_file import LocalFile
from ingestor.pace import Pace, rate_of_speed
from ingestor.packers import KPL_PAYLOAD_BYTES, KplPacker, NdjsonPacker
from ingestor.progress import ReplayProgress
from ingestor.putter import Putter, Totals
from ingestor.quarantine import IngestQuarantine
from ingestor.records import PackedRecords, PlainRecords, Records
from ingestor.replay import Outcome, Plan, Replay
from ingestor.replay_metrics import ReplayMetrics
from ingestor.requeue import QuarantineKey, requeue
from ingestor.s3_bucket import S3Bucket, S3File
from ingestor.settings import Settings
from ingestor.source import BadRow, CsvSource, GoodRow, Scan, event_source
from lake_core.errors import InputError, LakeError, LeaseLost
from lake_core.layout import cursor_key, ingest_quarantine_key, raw_key
from lake_core.metrics import MetricsExport
from lake_core.names import STREAMS, Domain, domain_of_stream
from lake_core.stopping import StopSignal
from lake_core.wire import Packing

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient
    from types_boto3_s3 import S3Client

    from ingestor.csv_columns import GoodRows
    from ingestor.records import Packer

    ReadRows = Callable[[int], Iterator[GoodRow | BadRow | GoodRows]]
    ReadColumns = Callable[[CsvSource, int], Iterator[GoodRow | BadRow | GoodRows]]

log = logging.getLogger("ingestor")
DAY_SECONDS: Final = 86_400
# Below so many, what is sent is sooner there row by row: Arrow takes a tenth of a second to begin.
FEW_ROWS: Final = 10_000


def upload(asked: argparse.Namespace, bucket: S3Bucket) -> None:
    """Put a CSV under `raw/`.

    Raises:
        InputError: the file cannot be read or is not the domain's CSV.
    """
    domain, path = Domain(asked.domain), Path(asked.file)
    local = LocalFile(path)
    CsvSource(domain, str(path), local.open).check_header()
    key = raw_key(domain)
    with local.open() as file:
        bucket.upload(key, file)
    log.info("uploaded", extra={"file": str(path), "key": key, "bytes": path.stat().st_size})


def requeue_object(
    asked: argparse.Namespace, settings: Settings, bucket: S3Bucket, kinesis: KinesisClient
) -> int:
    """Put the entries of a quarantine object on their stream again; 1 if some are still unusable.

    Raises:
        InputError: there is no such object, or it is another thing.
    """
    key = QuarantineKey.parse(asked.key)
    if bucket.read(asked.key) is None:
        raise InputError(f"{asked.key} does not exist")
    stream = KinesisStream(kinesis, STREAMS[key.domain])
    putter = Putter(stream, settings, stream.moved)
    corrected = LocalFile(Path(asked.corrected)).open() if asked.corrected else None
    try:
        lines = bucket.get_lines(asked.key)
        done = requeue(key, lines, corrected, PlainRecords(key.domain, stream.shards), putter)
    finally:
        putter.close()
        if corrected is not None:
            corrected.close()
    log.info("requeued", extra={"key": asked.key, "sent": done.sent, "unusable": done.unusable})
    return 1 if done.unusable else 0


def open_source(source: str, domain: Domain, s3: S3Client) -> CsvSource:
    """Return the CSV at a path or an `s3://` address.

    Raises:
        InputError: the address is neither.
    """
    parts = urlsplit(source)
    if parts.scheme == "s3":
        key = parts.path.lstrip("/")
        if not parts.netloc or not key:
            raise InputError(f"{source} is no s3://bucket/key")
        return CsvSource(domain, Path(key).name, S3File(s3, parts.netloc, key).open)
    path = Path(source)
    return CsvSource(domain, path.name, LocalFile(path).open)


def rows_of_tick(now: float, every: int, rows_per_day: int) -> int:
    """Return how many rows the tick at `now` sends; the ticks of a day add up to the day's rows."""
    tick = int(now // every)
    before, after = (at * rows_per_day * every // DAY_SECONDS for at in (tick, tick + 1))
    return after - before


def _arrow_packer(domain: Domain) -> Packer[Any]:
    # 40 MB of Arrow, for those who use it.
    try:
        from ingestor.arrow_packer import ArrowPacker  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise InputError(
            f"--packing {Packing.ARROW_ZSTD} needs {error.name}, which is not installed; an image "
            "has it when it was built with --build-arg ARROW=true"
        ) from error
    return ArrowPacker(domain)


def _read_columns() -> ReadColumns | None:
    """Return what reads a CSV as columns; None where there is no Arrow."""
    try:
        from ingestor.csv_columns import column_rows  # noqa: PLC0415 - see _arrow_packer
    except ModuleNotFoundError:
        return None
    return column_rows


class ReplayCommand:
    """`replay` with its options."""

    def __init__(
        self,
        asked: argparse.Namespace,
        settings: Settings,
        s3: S3Client,
        kinesis: KinesisClient,
        stop: StopSignal,
        *,
        alone: bool = True,  # whether nobody else writes to the terminal
    ) -> None:
        self._asked = asked
        self._alone = alone
        self._settings = settings
        self._stop = stop
        self._domain = domain_of_stream(asked.stream)
        self._source = open_source(asked.source, self._domain, s3)
        self._bucket = S3Bucket(s3, settings.bucket)
        self._stream = KinesisStream(kinesis, asked.stream)
        owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._cursor = Cursor(self._bucket, cursor_key(asked.stream), owner, time.time)

    def run(self) -> int:
        """Replay; return the exit code."""
        scan = self._source.scan()
        self._stream.shards()  # a stream that does not exist is told of before anything else
        if self._asked.every:
            return self._ticks(scan)
        start = self._start(scan)
        outcome = self._replay(scan, self._plan(scan, start))
        endless = self._asked.laps is None
        if not outcome.stopped or endless:
            return 0
        return 128 + (self._stop.number or 0)

    def _plan(self, scan: Scan, start: Position) -> Plan:
        """Return what is left to do; the limit holds for a replay and all that resume it."""
        limit: int | None = self._asked.limit
        if limit is not None:
            sent = (start.lap - self._asked.start_lap) * scan.rows + start.row
            limit = max(0, limit - sent)
        return Plan(start, limit, self._asked.laps, self._asked.start_lap)

    def _start(self, scan: Scan) -> Position:
        first = Position(self._asked.start_lap, 0)
        if not self._asked.resume:
            self._cursor.restart(self._source.name, scan.digest, first)
            return first
        found = self._cursor.claim(self._source.name, scan.digest)
        start = max(found, first, key=lambda at: (at.lap, at.row))
        left = self._plan(scan, start).total(scan.rows)
        log.info(
            "resuming at row %d of lap %d, %s",
            start.row,
            start.lap,
            "without end" if left is None else f"{left} rows remain",
            extra={"lap": start.lap, "row": start.row, "rows_left": left},
        )
        return start

    def _ticks(self, scan: Scan) -> int:
        """Send a slice at each tick until stopped."""
        while True:
            began = time.time()
            self._tick(scan, began)
            left = (began // self._asked.every + 1) * self._asked.every - time.time()
            if self._asked.once or self._stop.event.wait(max(0.0, left)):
                return 0

    def _tick(self, scan: Scan, now: float) -> None:
        try:
            start = self._cursor.claim(self._source.name, scan.digest)
        except ClaimHeld as error:
            log.warning("tick left out: %s", error)
            return
        limit = rows_of_tick(now, self._asked.every, self._asked.rows_per_day)
        self._replay(scan, Plan(start, limit, None, 0))

    def _replay(self, scan: Scan, plan: Plan) -> Outcome:
        totals, pace = Totals(), Pace(self._events_per_second(scan))
        metrics = ReplayMetrics(self._asked.stream, totals, pace)
        export = MetricsExport(
            metrics.all, self._settings.metrics, self._asked.stream, metrics.look
        )
        putter = Putter(
            self._stream, self._settings, self._stream.moved, totals=totals,
            on_call=metrics.call_records.observe,
        )  # fmt: skip
        heartbeat = Heartbeat(self._settings.heartbeats, self._asked.stream)
        total = plan.total(scan.rows)
        with ReplayProgress(
            self._asked.stream, total, scan.rows, heartbeat, alone=self._alone
        ) as progress:
            replay = Replay(
                source=self._source,
                rows=self._rows(total),
                scan=scan,
                plan=plan,
                pace=pace,
                records=self._records(),
                putter=putter,
                quarantine=lambda lap, row: self._quarantine(scan, lap, row),
                save=self._cursor.save,
                progress=progress,
                stop=self._stop.event,
                export=export,
            )
            try:
                outcome = replay.run()
            except LeaseLost:
                raise  # the cursor is another's now
            except LakeError:
                putter.close()
                self._cursor.save(replay.position(), release=True)
                raise
            finally:
                putter.close()
                export.close()
        self._cursor.save(outcome.position, release=True)
        self._report(putter, outcome)
        return outcome

    def _events_per_second(self, scan: Scan) -> float | None:
        if self._asked.speed:
            return rate_of_speed(self._asked.speed, scan.rows, scan.span_days)
        rate: float | None = self._asked.rate
        return rate

    def _rows(self, left: int | None) -> ReadRows:
        """Return what reads the file: as columns, which is faster, if there is much to send."""
        at_a_pace = self._asked.speed or self._asked.rate
        if at_a_pace or (left is not None and left < FEW_ROWS):
            return self._source.rows
        read = _read_columns()
        return self._source.rows if read is None else partial(read, self._source)

    def _records(self) -> Records:
        size, linger = self._settings.packed_payload_bytes, self._settings.linger_seconds
        domain, shards = self._domain, self._stream.shards
        match Packing(self._asked.packing):
            case Packing.NONE:
                return PlainRecords(domain, shards)
            case Packing.NDJSON_ZSTD:
                return PackedRecords(NdjsonPacker(domain), shards, size, linger)
            case Packing.KPL:
                size = min(size, KPL_PAYLOAD_BYTES)
                return PackedRecords(KplPacker(domain), shards, size, linger)
            case Packing.ARROW_ZSTD:
                return PackedRecords(_arrow_packer(domain), shards, size, linger)

    def _quarantine(self, scan: Scan, lap: int, first_row: int) -> IngestQuarantine:
        key = ingest_quarantine_key(self._domain, str(event_source(self._source, scan, lap)))
        return IngestQuarantine(self._bucket, key, self._source.name, first_row)

    def _report(self, putter: Putter, outcome: Outcome) -> None:
        totals = putter.totals
        log.info(
            "interrupted; go on with --resume" if outcome.stopped else "replayed",
            extra={
                "stream": self._asked.stream,
                "sent": totals.events,
                "quarantined": outcome.quarantined,
                "records": totals.records,
                "bytes": totals.bytes,
                "put_calls": totals.calls,
                "retried": totals.retried,
                "throttled": totals.throttled,
                "unknown_outcomes": totals.unknown_outcomes,
                "seconds": round(outcome.seconds, 3),
                "events_per_second": round(totals.events / max(outcome.seconds, 1e-9)),
                "lap": outcome.position.lap,
                "row": outcome.position.row,
            },
        )
