"""The process that KCL starts for a shard: messages in, ranges out.

Order of things, for every message: take the records, write what is due, checkpoint what the lake
holds, acknowledge. An exception ends the process; the daemon ends with it and the task starts
again from the last checkpoint.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from lake_core import logs
from lake_core.layout import Chain, ended_key
from lake_core.metrics import MetricsExport, Target
from lake_core.names import STREAMS, Domain
from lake_core.rules import RuleSet
from processor.chain import ChainWriter, FlushPolicy, StreamFacts
from processor.kcl_protocol import (
    Daemon,
    Initialize,
    LeaseLost,
    Message,
    ProcessRecords,
    ProtocolError,
    ShardEnded,
    ShutdownRequested,
)
from processor.lake_store import LakeEffects, LakeStore
from processor.live import EVERY_SECONDS, LiveStore, LiveView
from processor.records import RecordParser
from processor.shard_metrics import ShardMetrics

log = logging.getLogger(__name__)
# How late what is due by age may be written; twice that with a live view.
TICK_SECONDS: Final = 0.25
CHECKPOINT_RETRIES_AT_END: Final = 10


class Stream(msgspec.Struct, frozen=True):
    """What `run` learnt of the stream."""

    domain: Domain
    incarnation: str
    created: int  # milliseconds since 1970 UTC
    retention_hours: int


@dataclass(frozen=True, slots=True)
class ChildParts:
    """What a child works with; made in `__main__`."""

    store: LakeStore
    stream: Stream
    rules: RuleSet
    policy: FlushPolicy
    heartbeats: Path
    live: LiveStore | None
    clock: Callable[[], float]  # seconds; goes on while the machine sleeps
    wall_clock: Callable[[], float]  # seconds since 1970
    metrics: Target | None = None
    store_retries: Callable[[], int] = lambda: 0  # of `store`, so far


class Child:
    """One shard, from `initialize` to its end."""

    def __init__(self, daemon: Daemon, parts: ChildParts, start: Initialize) -> None:
        stream = parts.stream
        self._daemon = daemon
        self._parts = parts
        self._chain = Chain(stream.domain, stream.incarnation, start.shardId)
        logs.bind(shard=start.shardId)
        self.metrics = ShardMetrics(STREAMS[stream.domain], start.shardId)
        self._store_retries = 0  # told so far
        self._export = MetricsExport(self.metrics.all, parts.metrics, start.shardId, self._look)
        facts = StreamFacts(stream.created, stream.retention_hours * 3_600_000)
        self._writer = ChainWriter(self._chain, facts, parts.policy, start.position)
        self._writer.checkpointed = start.position
        self._effects = LakeEffects(
            parts.store,
            self._chain,
            parts.rules,
            parts.clock,
            look_back_hours=stream.retention_hours,
            metrics=self.metrics,
        )
        self._live = (
            LiveView(parts.live, self._chain, parts.rules, parts.clock, self.metrics)
            if parts.live
            else None
        )
        self._parser = RecordParser(stream.domain)
        self._heartbeat = parts.heartbeats / start.shardId
        log.info("shard taken", extra={"sequence_number": start.position})

    @property
    def position(self) -> str | None:
        """The last record that the lake is known to hold."""
        return self._writer.end

    @property
    def patience(self) -> float:
        """For how many seconds nothing is due."""
        due = self._live.due_seconds(self._writer) if self._live else None
        return TICK_SECONDS if due is None else min(TICK_SECONDS, due)

    def handle(self, message: Message | None) -> bool:
        """Handle a message, or a tick; False when the shard is done with."""
        self._heartbeat.touch()
        self._export.tick(self._parts.clock())
        self._writer.refuse_if_held_too_long(self._parts.clock())
        match message:
            case None:
                self._show_and_flush()
                return True
            case ProcessRecords():
                self._process(message)
            case LeaseLost():
                log.info("lease lost", extra={"sequence_number": self.position})
            case ShardEnded():
                self._end_of_shard()
            case ShutdownRequested():
                self._flush(force=True)
                self._checkpoint()
                log.info("handed over", extra={"sequence_number": self.position})
            case _:
                raise ProtocolError(f"unexpected message {message}")
        self._daemon.acknowledge(message)
        return isinstance(message, ProcessRecords | ShutdownRequested)

    def close(self) -> None:
        """Take the heartbeat away: this shard is nobody's fault any more."""
        self._heartbeat.unlink(missing_ok=True)
        self._export.close()

    def _process(self, message: ProcessRecords) -> None:
        received, now = self._parts.clock(), self._now(message)
        entries = 0
        for run in self._parser.parse(message.records, received):
            entries += run.entries
            self._effects.run(self._writer.receive(run, now))
        self._count(message, entries, now)
        self._show_and_flush()
        self._checkpoint()

    def _count(self, message: ProcessRecords, entries: int, now: int) -> None:
        metrics, records = self.metrics, message.records
        metrics.records.inc(len(records))
        metrics.batch_records.observe(len(records))
        metrics.stream_bytes.inc(sum(len(record.data) for record in records))
        metrics.events.inc(entries)
        if message.millisBehindLatest is not None:
            metrics.behind_seconds.set(message.millisBehindLatest / 1000)
        elif records:
            arrival = records[-1].approximateArrivalTimestamp
            metrics.behind_seconds.set(max(0, now - arrival) / 1000)

    def _look(self) -> None:
        """Take the values that are true for the moment."""
        metrics, pending = self.metrics, self._writer.pending
        age = self._parts.clock() - pending[0].received if pending else 0.0
        metrics.held_seconds.set(age)
        metrics.held_events.set(self._writer.held)
        retries = self._parts.store_retries()
        metrics.store_retries.inc(retries - self._store_retries)
        self._store_retries = retries

    def _show_and_flush(self) -> None:
        """Show what is new, then write what is due.

        In this order: what is written without having been live is seen when a reader has read the
        range, and every chunk behind it too. For a chunk's turn a range waits a tick at most.
        """
        if self._live:
            self._live.show(self._writer)
            due = self._live.due_seconds(self._writer)
            if due is not None and due <= EVERY_SECONDS:
                return
        self._flush()

    def _now(self, message: ProcessRecords) -> int:
        """Return the time in ms by the later of two clocks: ours, and Kinesis' own."""
        ours = int(self._parts.wall_clock() * 1000)
        if not message.records or message.millisBehindLatest is None:
            return ours
        theirs = message.records[-1].approximateArrivalTimestamp + message.millisBehindLatest
        return max(ours, theirs)

    def _flush(self, *, force: bool = False) -> None:
        self._effects.run(self._writer.flush(self._parts.clock(), force=force))

    def _checkpoint(self) -> None:
        position = self._writer.checkpoint_due
        if position is not None and self._daemon.checkpoint(position):
            self._writer.checkpointed = position

    def _end_of_shard(self) -> None:
        self._flush(force=True)
        marker = msgspec.json.encode({"last": self._writer.end})
        self._parts.store.put(ended_key(self._chain), marker)
        for attempt in range(CHECKPOINT_RETRIES_AT_END):
            if self._daemon.checkpoint(None):
                log.info("shard ended", extra={"sequence_number": self.position})
                return
            time.sleep(attempt)
        raise ProtocolError(f"no checkpoint at the end of {self._chain.shard}")


def _first(daemon: Daemon, parts: ChildParts, message: Message | None) -> Child | None:
    if message is None:
        return None
    if not isinstance(message, Initialize):
        raise ProtocolError(f"expected initialize, got {message}")
    child = Child(daemon, parts, message)
    daemon.acknowledge(message)
    return child


def run_child(daemon: Daemon, parts: ChildParts) -> None:
    """Serve one shard until it ends, is lost, or the daemon is gone."""
    # SIGTERM and SIGINT reach the whole process group; only the JVM answers them, and asks us.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child: Child | None = None

    def patience() -> float:
        return TICK_SECONDS if child is None else child.patience

    try:
        for message in daemon.messages(patience):
            if child is None:
                child = _first(daemon, parts, message)
            elif not child.handle(message):
                return
    finally:
        if child is not None:
            child.close()
