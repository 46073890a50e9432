"""Who merges the live view with the lake counts each event once, whoever wrote what, and when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lake_core.chain import number
from lake_core.errors import TransientError
from lake_core.layout import Chain
from lake_core.live import (
    LiveChunk,
    continues,
    decode_chunk,
    encode_chunk,
    rows_behind,
    sort_key,
    unpack_rows,
)
from lake_core.names import Domain
from lake_core.rules import DEFAULT
from processor.chain import ChainWriter, FlushPolicy, StreamFacts
from processor.kcl_protocol import UserRecord
from processor.live import EVERY_SECONDS, FIRST_PAUSE_SECONDS, MAX_ROWS, LiveView
from processor.record_run import RecordRun
from processor.records import RecordParser
from processor.shard_metrics import ShardMetrics

CHAIN = Chain(Domain.MANUFACTURING, "20261123T181500123Z", "shardId-000000000000")
ARRIVAL = 1795459132361
READING = {
    "timestamp": "2025-01-01 00:02:00", "machine_id": 15, "temperature": 98.94,
    "vibration": 24.98, "humidity": 50.47, "pressure": 1.59, "energy_consumption": 3.08,
    "machine_status": 1, "anomaly_flag": 1, "predicted_remaining_life": 38,
    "failure_type": "Normal", "downtime_risk": 1.0, "maintenance_required": 1,
}  # fmt: skip


def reading(row: int, **other: Any) -> bytes:
    return json.dumps({**READING, "event_source": "f-1-0", "event_row": row, **other}).encode()


def records(numbers: range, data: dict[int, bytes] | None = None) -> Iterator[RecordRun]:
    users = [
        UserRecord((data or {}).get(n, reading(n)), "15", str(n).zfill(30), ARRIVAL, 0)
        for n in numbers
    ]
    return RecordParser(Domain.MANUFACTURING).parse(users, 0.0)


@dataclass
class Memory:
    """A table that keeps what it was given; refuses while it is away."""

    items: dict[str, bytes] = field(default_factory=dict)
    told: list[dict[str, Any]] = field(default_factory=list)
    announced: list[Chain] = field(default_factory=list)
    away: bool = False
    forgetful: bool = False  # what is written is not answered

    def announce(self, chain: Chain) -> None:
        if self.away:
            raise TransientError("away")
        self.announced.append(chain)

    def put_if_absent(self, chain: Chain, chunk: LiveChunk) -> str | None:
        if self.away:
            raise TransientError("away")
        key = sort_key(chunk.first)
        if key in self.items:
            return decode_chunk(self.items[key], key).last
        self.items[key] = encode_chunk(chunk)
        if self.forgetful:
            raise TransientError("a time-out")
        return None

    def tell(self, chain: Chain, alerts: pa.Table) -> None:
        self.told += alerts.to_pylist()

    def chunks(self) -> list[LiveChunk]:
        return [decode_chunk(self.items[key], key) for key in sorted(self.items)]


class Writer:
    """A processor of one shard: a chain writer and its live view; commits are its caller's."""

    def __init__(self, memory: Memory, end: str | None = None) -> None:
        self.now = 0.0
        policy = FlushPolicy(10**9, 10**9, 10.0)
        self.metrics = ShardMetrics("manufacturing-data-stream", CHAIN.shard)
        self.chain = ChainWriter(CHAIN, StreamFacts(ARRIVAL, 10**12), policy, end)
        self.chain._located = True
        self.view = LiveView(memory, CHAIN, DEFAULT, lambda: self.now, self.metrics)

    def receive(self, numbers: range, data: dict[int, bytes] | None = None) -> None:
        for received in records(numbers, data):
            for effect in self.chain.receive(received, ARRIVAL):
                raise AssertionError(effect)

    def show(self) -> None:
        self.now += EVERY_SECONDS
        self.view.show(self.chain)

    def commit(self, through: int) -> None:
        self.chain._move_end(str(through).zfill(30), ARRIVAL)


def merged(memory: Memory, lake_through: int | None, reads: int | None = None) -> list[int]:
    """The rows a reader counts that has the lake up to there, and reads so many chunks."""
    position = None if lake_through is None else str(lake_through).zfill(30)
    rows = list(range(1, (lake_through or 0) + 1))
    for chunk in memory.chunks()[:reads]:
        if continues(chunk, position):
            table = rows_behind(unpack_rows(Domain.MANUFACTURING, chunk), position)
            rows += [row for row in table["event_row"].to_pylist() if row is not None]
            position = chunk.last
    return rows


def test_what_was_received_is_live_before_the_lake_has_it() -> None:
    memory = Memory()
    writer = Writer(memory)
    writer.receive(range(1, 4))
    writer.show()
    writer.receive(range(4, 6))
    writer.show()
    assert [(number(c.after), number(c.last)) for c in memory.chunks()] == [(-1, 3), (3, 5)]
    assert merged(memory, None) == merged(memory, 2) == merged(memory, 5) == [1, 2, 3, 4, 5]


def test_a_shard_is_announced_while_the_lake_holds_nothing_of_it() -> None:
    memory = Memory()
    writer = Writer(memory)
    for n in range(1, 4):
        writer.receive(range(n, n + 1))
        writer.show()
    assert memory.announced == [CHAIN]  # the chunk that begins where the shard does
    going_on = Memory()
    writer = Writer(going_on, end="3".zfill(30))
    writer.receive(range(4, 6))
    writer.show()
    assert going_on.items
    assert going_on.announced == []


def test_a_hole_between_lake_and_live_is_not_bridged() -> None:
    memory = Memory()
    writer = Writer(memory)
    writer.receive(range(1, 4))
    writer.commit(2)
    writer.show()  # from 3 on: it had committed before it first wrote
    assert merged(memory, None) == []  # a reader that has not seen the commit waits for the lake
    assert merged(memory, 2) == [1, 2, 3]


def test_at_most_four_chunks_a_second_are_written() -> None:
    memory = Memory()
    writer = Writer(memory)
    for n in range(1, 11):
        writer.receive(range(n, n + 1))
        writer.now += EVERY_SECONDS / 5
        writer.view.show(writer.chain)
    assert len(memory.items) == 2


def test_what_waits_for_its_turn_says_for_how_long_and_what_may_not_be_shown_does_not_wait() -> (
    None
):
    writer = Writer(Memory())
    assert writer.view.due_seconds(writer.chain) is None
    writer.receive(range(1, 2))
    assert writer.view.due_seconds(writer.chain) == 0.0
    writer.show()
    assert writer.view.due_seconds(writer.chain) is None
    writer.receive(range(2, 3))
    writer.now += EVERY_SECONDS / 5
    assert writer.view.due_seconds(writer.chain) == pytest.approx(EVERY_SECONDS * 4 / 5)
    writer.chain.pending[-1].gap_possible = True
    assert writer.view.due_seconds(writer.chain) is None


def test_a_backlog_is_left_to_the_lake_and_the_view_goes_on_behind_it() -> None:
    memory = Memory()
    writer = Writer(memory)
    writer.receive(range(1, MAX_ROWS + 2))
    writer.show()
    writer.receive(range(MAX_ROWS + 2, MAX_ROWS + 4))
    writer.show()
    (chunk,) = memory.chunks()
    assert (number(chunk.after), number(chunk.last)) == (MAX_ROWS + 1, MAX_ROWS + 3)
    assert merged(memory, None) == []
    assert len(merged(memory, MAX_ROWS + 1)) == MAX_ROWS + 3


def test_a_possible_hole_in_the_stream_is_left_to_the_lake() -> None:
    memory = Memory()
    writer = Writer(memory)
    writer.receive(range(1, 2))
    writer.receive(range(2, 3))
    writer.chain.pending[1].gap_possible = True
    writer.show()
    assert memory.items == {}


def test_a_table_that_is_away_is_left_alone_longer_each_time_and_then_told_everything() -> None:
    memory = Memory(away=True)
    writer = Writer(memory)
    writer.receive(range(1, 3))
    writer.show()
    memory.away = False
    writer.receive(range(3, 5))
    writer.show()
    assert memory.items == {}
    memory.away = True
    writer.now += FIRST_PAUSE_SECONDS
    writer.show()
    memory.away = False
    writer.now += FIRST_PAUSE_SECONDS
    writer.show()
    assert memory.items == {}
    writer.now += FIRST_PAUSE_SECONDS
    writer.show()
    assert [(number(c.after), number(c.last)) for c in memory.chunks()] == [(-1, 4)]
    assert merged(memory, None) == [1, 2, 3, 4]


def test_a_chunk_of_which_nobody_knows_whether_it_was_written_is_not_written_twice() -> None:
    memory = Memory(forgetful=True)
    writer = Writer(memory)
    writer.receive(range(1, 3))
    writer.show()
    memory.forgetful = False
    writer.receive(range(3, 5))
    for _ in range(2):
        writer.now += FIRST_PAUSE_SECONDS
        writer.show()
    assert [(number(c.after), number(c.last)) for c in memory.chunks()] == [(-1, 2), (2, 4)]


def test_alerts_are_told_once_by_whoever_was_first() -> None:
    memory = Memory()
    loud = {2: reading(2, temperature=99.9, vibration=90.0)}
    for _ in range(2):  # the second is a replay
        writer = Writer(memory)
        writer.receive(range(1, 4), loud)
        writer.show()
    assert [alert["event_row"] for alert in memory.told] == [2]


@settings(max_examples=200)
@given(st.data())
def test_two_writers_with_different_cuts_and_any_reader_count_each_event_once(
    data: st.DataObject,
) -> None:
    memory, total = Memory(), 12
    writers = [Writer(memory), Writer(memory)]
    received = [0, 0]
    for _ in range(data.draw(st.integers(1, 25))):
        which = data.draw(st.integers(0, 1))
        writer = writers[which]
        match data.draw(st.sampled_from(["receive", "show", "commit", "restart"])):
            case "receive":
                upto = data.draw(st.integers(received[which], total))
                writer.receive(range(received[which] + 1, upto + 1))
                received[which] = upto
            case "show":
                writer.show()
            case "commit":
                writer.commit(data.draw(st.integers(0, received[which])) or -1)
            case "restart":
                start = data.draw(st.integers(0, received[which]))
                writers[which] = Writer(memory, str(start).zfill(30) if start else None)
                received[which] = start
    lake = data.draw(st.integers(0, total))
    rows = merged(memory, lake or None, data.draw(st.integers(0, len(memory.items))))
    assert rows == list(range(1, len(rows) + 1))  # each once, none left out, in order
    assert len(rows) >= lake
