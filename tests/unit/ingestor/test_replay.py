"""A replay sends every row once or puts it aside, and its cursor never passes what is not safe."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestor.csv_columns import column_rows
from ingestor.cursor import Position
from ingestor.pace import Pace
from ingestor.progress import ReplayProgress
from ingestor.putter import Putter
from ingestor.quarantine import IngestQuarantine
from ingestor.records import OutgoingRecord
from ingestor.replay import Outcome, Plan, Replay
from ingestor.settings import Settings
from lake_core.errors import InputError, TransientError, UnreadableObject
from lake_core.metrics import Metrics, MetricsExport
from lake_core.names import Domain
from lake_core.wire import Packing
from tests.plain_lines import plain_lines
from tests.unit.ingestor.sample import (
    FakeBucket,
    FakeStream,
    Quiet,
    csv_of,
    reading,
    records_of,
    shard_map,
    source_of,
)

WAYS = [(packing, columns) for packing in Packing for columns in (False, True)]


@dataclass
class World:
    """A file, a stream and a bucket; each `replay` is a process of its own."""

    content: bytes
    stream: FakeStream = field(default_factory=FakeStream)
    bucket: FakeBucket = field(default_factory=FakeBucket)
    saved: list[Position] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    packing: Packing = Packing.NONE
    columns: bool = False  # whether the file is read as columns where it can be
    stop_after: int | None = None  # saves

    def replay(self, start: Position | None = None, **plan: Any) -> Outcome:
        source = source_of(self.content)
        scan, known = source.scan(), shard_map(3)
        putter = Putter(self.stream, Settings("b", shard_limits=False), lambda: None)
        try:
            return Replay(
                source=source,
                rows=partial(column_rows, source) if self.columns else source.rows,
                scan=scan,
                plan=Plan(start or Position(), plan.get("limit"), plan.get("laps", 1), 0),
                pace=Pace(None),
                records=records_of(self.packing, lambda: known, 600),
                putter=putter,
                quarantine=lambda lap, row: IngestQuarantine(self.bucket, f"q-{lap}", "m.csv", row),
                save=self._save,
                progress=cast(ReplayProgress, Quiet()),
                stop=self.stop,
                export=MetricsExport(Metrics("ingestor", {}), None, "m"),
            ).run()
        finally:
            putter.close()

    def _save(self, position: Position) -> None:
        self.saved.append(position)
        if len(self.saved) == self.stop_after:
            self.stop.set()

    @property
    def events(self) -> list[dict[str, Any]]:
        lines = (plain_lines(Domain.MANUFACTURING, record.data) for record in self.stream.taken)
        return [json.loads(line) for line in chain.from_iterable(lines)]

    @property
    def sent(self) -> list[tuple[int, int]]:
        """(lap, row) of each event."""
        return sorted(
            (int(e["event_source"].rsplit("-", 1)[1]), e["event_row"]) for e in self.events
        )

    def aside(self, lap: int = 0) -> list[int]:
        return [json.loads(line)["row"] for line in self.bucket.get_lines(f"q-{lap}")]


def mixed(rows: int, bad: set[int]) -> bytes:
    return csv_of(["broken,row" if n in bad else reading(n) for n in range(rows)])


@pytest.mark.parametrize(("packing", "columns"), WAYS)
def test_every_row_is_sent_once_with_its_identity(packing: Packing, columns: bool) -> None:
    world = World(mixed(30, {3, 29}), packing=packing, columns=columns)
    outcome = world.replay(laps=2)
    good = [n for n in range(30) if n not in {3, 29}]
    assert world.sent == [(lap, row) for lap in (0, 1) for row in good]
    assert world.aside(0) == world.aside(1) == [3, 29]
    assert (outcome.position, outcome.quarantined, outcome.stopped) == (Position(2, 0), 4, False)
    assert all(event["ingest_timestamp"] for event in world.events)


def test_event_time_goes_on_in_the_next_lap() -> None:
    world = World(mixed(2, set()))
    world.replay(laps=2)
    times = sorted((e["event_source"], e["timestamp"]) for e in world.events)
    assert [time for _, time in times] == [
        "2025-01-01 00:00:00", "2025-01-01 00:01:00", "2025-01-02 00:00:00", "2025-01-02 00:01:00",
    ]  # fmt: skip


def test_a_limit_counts_rows_over_laps() -> None:
    world = World(mixed(4, {1}))
    outcome = world.replay(laps=None, limit=6)
    assert world.sent == [(0, 0), (0, 2), (0, 3), (1, 0)]
    assert outcome.position == Position(1, 2)


@settings(deadline=None, max_examples=10)
@given(
    rows=st.integers(1, 25),
    bad=st.sets(st.integers(0, 24)),
    stop_after=st.integers(1, 30),
    way=st.sampled_from(WAYS),
)
def test_stopped_anywhere_and_resumed_it_has_sent_every_row_once(
    rows: int, bad: set[int], stop_after: int, way: tuple[Packing, bool]
) -> None:
    world = World(mixed(rows, bad), packing=way[0], columns=way[1], stop_after=stop_after)
    outcome = world.replay()
    world.stop.clear()
    world.replay(outcome.position)
    bad &= set(range(rows))
    assert world.sent == [(0, row) for row in range(rows) if row not in bad]
    assert world.aside() == sorted(bad)


@settings(deadline=None, max_examples=10)
@given(
    rows=st.integers(1, 25),
    bad=st.sets(st.integers(0, 24)),
    way=st.sampled_from(WAYS),
    data=st.data(),
)
def test_killed_anywhere_and_resumed_no_row_is_lost(
    rows: int, bad: set[int], way: tuple[Packing, bool], data: st.DataObject
) -> None:
    """Each saved position is tried as the last one before a kill."""
    world = World(mixed(rows, bad), packing=way[0], columns=way[1])
    taken: list[tuple[Position, list[OutgoingRecord], dict[str, bytes]]] = []
    save = world._save

    def snapshot(position: Position) -> None:
        save(position)
        taken.append((position, list(world.stream.taken), dict(world.bucket.objects)))

    world._save = snapshot  # type: ignore[method-assign] # a kill right after a save
    world.replay()
    position, records, objects = data.draw(st.sampled_from(taken))
    after = World(world.content, packing=way[0], columns=way[1])
    after.stream.taken, after.bucket.objects = records, objects
    after.replay(position)
    bad &= set(range(rows))
    assert set(after.sent) == {(0, row) for row in range(rows) if row not in bad}
    assert after.aside() == sorted(bad)


def test_the_cursor_waits_for_quarantined_rows_that_are_not_saved_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingestor.replay.QUARANTINE_PATIENCE", 1e12)  # one save, then at the end
    world = World(mixed(10, {1, 5}))
    kept: list[tuple[Position, list[int]]] = []
    save = world._save

    def snapshot(position: Position) -> None:
        save(position)
        kept.append((position, world.aside()))

    world._save = snapshot  # type: ignore[method-assign] # a kill right after a save
    world.replay()
    assert world.bucket.uploads == 2
    for position, aside in kept:
        passed = 10 if position.lap else position.row
        assert set(aside) >= {row for row in (1, 5) if row < passed}


def test_a_replay_again_writes_the_same_quarantine() -> None:
    world = World(mixed(10, {2, 5, 9}))
    world.replay()
    whole = world.bucket.objects["q-0"]
    world.replay()
    assert world.bucket.objects["q-0"] == whole
    world.replay(limit=4)
    assert world.bucket.objects["q-0"] == whole, "a part of the file keeps the other part's rows"
    world.replay(Position(0, 3))
    assert world.bucket.objects["q-0"] == whole


def test_what_is_put_aside_says_file_row_reason_and_cells() -> None:
    world = World(csv_of([reading(0), "1,2"]))
    world.replay()
    assert json.loads(world.bucket.objects["q-0"]) == {
        "file": "m.csv", "row": 1, "reason": "2 cells where the header has 13", "cells": ["1", "2"],
    }  # fmt: skip


def test_something_else_in_the_place_of_a_quarantine_is_named() -> None:
    world = World(mixed(3, {1}))
    world.bucket.objects["q-0"] = b"not ours"
    with pytest.raises(UnreadableObject, match="q-0"):
        world.replay()


def test_a_file_without_a_usable_row_is_not_replayed_for_ever() -> None:
    with pytest.raises(InputError, match=r"no row of m\.csv can be used"):
        World(mixed(3, {0, 1, 2})).replay(laps=None)


def test_a_cursor_that_cannot_be_saved_for_a_moment_does_not_end_the_replay() -> None:
    world = World(mixed(5, set()))
    save, tries = world._save, iter(range(100))

    def unreliable(position: Position) -> None:
        if next(tries) % 2:
            raise TransientError("S3 is away")
        save(position)

    world._save = unreliable  # type: ignore[method-assign] # see above
    assert world.replay().position == Position(1, 0)


def test_a_stream_that_refuses_all_ends_a_stop_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingestor.replay.DRAIN_SECONDS_WHEN_STOPPED", 0.2)

    def refuse(call: int, records: Sequence[OutgoingRecord]) -> TransientError:
        return TransientError("away")

    world = World(mixed(20, set()), stream=FakeStream(refuse), stop_after=10)
    outcome = world.replay()
    assert outcome.stopped
    assert outcome.position == Position(0, 0)
    assert outcome.seconds < 2
