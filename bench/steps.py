"""Where a row's time goes in a processor child, step by step, in CPU microseconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from lake_core.arrow import scored_rows
from lake_core.layout import Chain, RangeName
from lake_core.names import Domain
from lake_core.parquet import encode_object
from lake_core.rules import DEFAULT
from processor.chain import ChainWriter, FlushPolicy, Range, StreamFacts
from processor.event_columns import table_of
from processor.kcl_protocol import ProcessRecords, decode_message
from processor.objects import lake_object, positions_of
from processor.record_run import RecordRun
from processor.records import RecordParser


def range_of(domain: Domain, runs: Sequence[RecordRun]) -> Range:
    """Return a range of all the records."""
    shard = Chain(domain, "20261123T181500123Z", "shardId-000000000000")
    return Range(RangeName(shard, runs[0].hour, runs[0].first_number), tuple(runs), None)


class Steps:
    """Runs the steps one after the other, and keeps the least time of each."""

    def __init__(self, domain: Domain, lines: Sequence[bytes]) -> None:
        self._domain = domain
        self._lines = lines
        self._least: dict[str, float] = {}

    def run(self, rounds: int) -> dict[str, float]:
        """Return CPU microseconds a row by step; the least of the rounds, for others add to it."""
        for _ in range(rounds):
            rows = self._round()
        return {step: round(least / rows * 1e6, 3) for step, least in self._least.items()}

    def _round(self) -> int:
        messages = self._timed("KCL's line: JSON, base64", self._decoded)
        runs = self._timed("record to columns", lambda: self._parsed(messages))
        due = range_of(self._domain, runs)
        self._timed("chain: received, cut", lambda: self._received(due))
        table = self._timed("table", lambda: table_of(self._domain, runs))
        positions = self._timed("positions", lambda: positions_of(runs))
        scored = self._timed("score", lambda: scored_rows(self._domain, table, positions, DEFAULT))
        _, footer = lake_object(due, DEFAULT, None)
        self._timed("Parquet, SHA-256", lambda: encode_object(scored, footer))
        return footer.rows

    def _timed(self, step: str, work: Callable[[], Any]) -> Any:
        began = time.process_time()
        done = work()
        took = time.process_time() - began
        self._least[step] = min(took, self._least.get(step, took))
        return done

    def _decoded(self) -> list[ProcessRecords]:
        messages = [decode_message(line) for line in self._lines]
        return [message for message in messages if isinstance(message, ProcessRecords)]

    def _parsed(self, messages: Sequence[ProcessRecords]) -> list[RecordRun]:
        parser = RecordParser(self._domain)
        return [run for message in messages for run in parser.parse(message.records, 0.0)]

    def _received(self, due: Range) -> None:
        """Give a chain that has taken over all records, a message at a time."""
        everything = FlushPolicy(10**9, 10**9, 10**9)
        writer = ChainWriter(due.name.chain, StreamFacts(0, 10**15), everything, None)
        writer._located = True  # what a lake would have been asked for
        for run in due.runs:
            for effect in (*writer.receive(run, run.arrivals[0]), *writer.flush(0.0)):
                raise AssertionError(effect)
