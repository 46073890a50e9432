"""Where a row's time goes in a processor child, step by step, in CPU microseconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Final

from lake_core.arrow import Positions, scored_rows
from lake_core.layout import Chain, RangeName
from lake_core.names import Domain
from lake_core.parquet import encode_object
from lake_core.rules import DEFAULT
from processor.chain import ChainWriter, FlushPolicy, Range, StreamFacts
from processor.event_columns import table_of
from processor.kcl_protocol import ProcessRecords, decode_message
from processor.objects import lake_object
from processor.records import RecordParser, StreamRecord

_SHARD: Final = "shardId-000000000000"
_INCARNATION: Final = "20261123T181500123Z"


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
        records = self._timed("record to columns", lambda: self._parsed(messages))
        self._timed("chain: received, cut", lambda: self._received(records))
        table = self._timed("table", lambda: table_of(self._domain, records))
        positions = self._timed("positions", lambda: self._positions(records))
        scored = self._timed("score", lambda: scored_rows(self._domain, table, positions, DEFAULT))
        shard = Chain(self._domain, _INCARNATION, _SHARD)
        due = Range(RangeName(shard, records[0].hour, records[0].number), tuple(records), None)
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

    def _parsed(self, messages: Sequence[ProcessRecords]) -> list[StreamRecord]:
        parser = RecordParser(self._domain)
        runs = [run for message in messages for run in parser.parse(message.records, 0.0)]
        return list(chain.from_iterable(runs))

    def _received(self, records: Sequence[StreamRecord]) -> None:
        """Give a chain that stands before them all records, a message at a time."""
        shard = Chain(self._domain, _INCARNATION, _SHARD)
        policy = FlushPolicy(10**9, 10**9, 10**9)
        writer = ChainWriter(shard, StreamFacts(0, 10**15), policy, None)
        writer._located = True
        size = max(1, len(records) // len(self._lines))
        for start in range(0, len(records), size):
            for effect in writer.receive(records[start : start + size], records[0].arrival):
                raise AssertionError(effect)
            for effect in writer.flush(0.0):
                raise AssertionError(effect)

    def _positions(self, records: Sequence[StreamRecord]) -> Positions:
        return Positions.of_records(
            [record.sequence for record in records],
            [record.arrival for record in records],
            [record.indexes for record in records],
        )
