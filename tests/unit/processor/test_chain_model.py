"""The write path against every history we can think of: crashes, zombies, unknown outcomes.

The model drives the production `ChainWriter` one effect at a time over a simulated shard log and
a simulated lake, stops writers between any two effects, lets several own the shard at once, loses
and sets back checkpoints. Whatever happened, the lake must hold each record exactly once.
"""

from __future__ import annotations

import datetime as dt
import os
import random
from dataclasses import dataclass, field
from itertools import accumulate, groupby, takewhile
from typing import Any

import pytest

from lake_core.chain import number
from lake_core.footer import Footer
from lake_core.layout import Chain, RangeName
from lake_core.names import Domain
from processor.chain import (
    ChainWriter,
    Effect,
    FindArrival,
    FlushPolicy,
    HeldTooLong,
    LakeHoldsIncarnation,
    ListRanges,
    Outcome,
    PutQuarantine,
    PutRange,
    Range,
    ReadFooter,
    Steps,
    StreamFacts,
)
from processor.record_run import Poison, RecordRun, hour_number

HOUR = 3_600_000
CHAIN = Chain(Domain.MANUFACTURING, "20261123T181500123Z", "shardId-000000000001")
FACTS = StreamFacts(created=0, retention_milliseconds=10**15)
HISTORIES = int(os.environ.get("HISTORIES", "500"))  # 20,000 pass too, in two minutes


@dataclass
class Record:
    """A Kinesis record of the model, of one entry."""

    sequence: str
    arrival: int
    poison: bool

    @property
    def number(self) -> int:
        return int(self.sequence)


def runs_of(records: list[Record], received: float) -> list[RecordRun]:
    """Deliver records as the parser does: usable ones together, poison alone."""
    runs = []
    for alone, group in groupby(records, lambda record: record.number if record.poison else 0):
        members = list(group)
        run = RecordRun(
            [one.sequence for one in members], [one.arrival for one in members],
            [10] * len(members), received,
        )  # fmt: skip
        if alone:
            run.indexes, run.poison = (), (Poison(0, "bad", b"x", "1"),)
        runs.append(run)
    return runs


def in_turn(several: list[Steps]) -> Steps:
    for steps in several:
        yield from steps


def numbers_of(due: Range) -> list[int]:
    return [int(sequence) for run in due.runs for sequence in run.sequences]


def make_log(rng: random.Random, length: int) -> list[Record]:
    """A shard's records: growing numbers, arrivals that mostly grow and sometimes step back."""
    arrival, sequence, log = 10 * HOUR, 100, []
    for _ in range(length):
        sequence += rng.randint(1, 50)
        arrival += rng.choice((0, 1000, 60_000, HOUR // 3)) - rng.choice((0, 0, 0, HOUR // 2))
        log.append(Record(str(sequence).zfill(30), arrival, rng.random() < 0.3))
    return log


@dataclass
class Lake:
    """The bucket: conditional puts, and an own account of what was ever committed."""

    conditional: bool = True
    one_name: bool = True
    objects: dict[str, tuple[RangeName, Footer]] = field(default_factory=dict)
    quarantine: set[str] = field(default_factory=set)
    commits: list[Range] = field(default_factory=list)

    def put(self, due: Range, writer: str) -> bool:
        key = due.name.key if self.one_name else f"{due.name.key}-{writer}"
        if self.conditional and key in self.objects:
            return False
        self.objects[key] = (due.name, make_footer(due, writer))
        self.commits.append(due)
        return True


def quarantine_key(due: Range, writer: str) -> str | None:
    """Writers that judge alike write alike; `writer` stands for the rule set they judge by."""
    content = f"{writer}{len(numbers_of(due))}"
    return due.name.quarantine_key(content) if due.has_poison else None


def make_footer(due: Range, writer: str) -> Footer:
    return Footer(
        format_version=1, schema_version=1, scoring_version=writer, domain=CHAIN.domain,
        shard=CHAIN.shard, incarnation=CHAIN.incarnation, first=due.runs[0].sequences[0],
        last=due.runs[-1].sequences[-1], after=due.after, first_arrival=due.runs[0].arrivals[0],
        last_arrival=due.runs[-1].arrivals[-1], records=len(numbers_of(due)), rows=0, unusable=0,
        payload_bytes=0, stream_bytes=0, quarantine=quarantine_key(due, writer),
        gap_possible=due.runs[0].gap_possible,
    )  # fmt: skip


@dataclass
class Worker:
    """A processor child: where it reads, what it is in the middle of."""

    name: str
    writer: ChainWriter
    at: int  # index into the log of the record to be delivered next
    steps: Steps | None = None
    effect: Effect | None = None


class History:
    """One random history of one shard."""

    def __init__(
        self,
        seed: int,
        *,
        conditional: bool = True,
        take_over: bool = True,
        one_name: bool = True,
        look_after_unknown: bool = True,
        checkpoint_what_is_held: bool = True,
        quarantine_first: bool = True,
    ) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self.log = make_log(self.rng, self.rng.randint(1, 25))
        self.lake = Lake(conditional, one_name)
        self.take_over = take_over
        self.look_after_unknown = look_after_unknown
        self.checkpoint_what_is_held = checkpoint_what_is_held
        self.quarantine_first = quarantine_first
        self.late: list[tuple[Range, str]] = []  # puts that will still land
        self.checkpoint: str | None = None
        self.workers: list[Worker] = []
        self.effects = 0

    def run(self) -> None:
        for _ in range(self.rng.randint(5, 120)):
            self.act()
        while self.late:
            self.lake.put(*self.late.pop())
        self.workers = []
        survivor = self.start()
        for _ in range(10_000):
            if survivor.at >= len(self.log) and survivor.steps is None:
                break
            self.advance(survivor, calm=True)
        self.finish(survivor)

    def finish(self, survivor: Worker) -> None:
        """Flush what the survivor holds, then look at the lake."""
        survivor.steps = survivor.writer.flush(0.0, force=True)
        while survivor.steps is not None:
            self.advance(survivor, calm=True)

    def act(self) -> None:
        match self.rng.randrange(12):
            case 0 if len(self.workers) < 3:
                self.start()
            case 1 if self.workers:
                self.workers.pop(self.rng.randrange(len(self.workers)))
            case 2 if self.checkpoint is not None:
                self.set_back()
            case 3 if self.late:
                self.lake.put(*self.late.pop())
            case _ if self.workers:
                self.advance(self.rng.choice(self.workers), calm=False)

    def start(self) -> Worker:
        policy = FlushPolicy(self.rng.choice((1, 2, 5, 100)), 10**9, max_age_seconds=1e9)
        writer = ChainWriter(CHAIN, FACTS, policy, self.checkpoint)
        at = sum(1 for record in self.log if record.number <= number(self.checkpoint))
        worker = Worker(self.rng.choice("ab"), writer, at)
        if not self.take_over:
            writer._located = True
        self.workers.append(worker)
        return worker

    def set_back(self) -> None:
        """Lose the checkpoint, or move it back to any record, the middle of a range too."""
        index = self.rng.randrange(-1, len(self.log))
        lower = None if index < 0 else self.log[index].sequence
        if number(lower) < number(self.checkpoint):
            self.checkpoint = lower

    def advance(self, worker: Worker, *, calm: bool) -> None:
        """Perform one effect of a worker, or give it its next message."""
        if worker.steps is None:
            self.next_message(worker, calm=calm)
            return
        try:
            worker.effect = (
                next(worker.steps)
                if worker.effect is None
                else worker.steps.send(self.perform(worker, worker.effect, calm=calm))
            )
        except StopIteration:
            worker.steps = worker.effect = None

    def next_message(self, worker: Worker, *, calm: bool) -> None:
        kind = self.rng.randrange(6)
        if kind == 0:
            worker.steps = worker.writer.flush(0.0, force=self.rng.random() < 0.5)
        elif kind == 1 and not calm:
            due = worker.writer.checkpoint_due
            if not self.checkpoint_what_is_held and worker.at:
                due = self.log[worker.at - 1].sequence
            if due is not None:
                worker.writer.checkpointed = self.checkpoint = due
        elif worker.at < len(self.log):
            upto = worker.at + self.rng.choice((1, 1, 2, 3, 8))
            delivered = list(takewhile(self.has_come, self.log[worker.at : upto]))
            worker.at += len(delivered)
            if delivered:
                worker.steps = self.deliver(worker, delivered)

    def has_come(self, record: Record) -> bool:
        del record
        return True

    def deliver(self, worker: Worker, records: list[Record]) -> Steps:
        now = max(record.arrival for record in records) + 1
        return in_turn([worker.writer.receive(run, now) for run in runs_of(records, 0.0)])

    def perform(self, worker: Worker, effect: Effect, *, calm: bool) -> Any:
        self.effects += 1
        assert self.effects < MOST_EFFECTS, "the writer comes to no end"
        match effect:
            case ListRanges(hour):
                return [name for name, _ in self.lake.objects.values() if name.hour == hour]
            case ReadFooter(name):
                return self.lake.objects.get(name.key, (None, None))[1]
            case PutQuarantine(due):
                key = quarantine_key(due, worker.name)
                assert key is not None
                if self.quarantine_first:
                    self.lake.quarantine.add(key)
                return None
            case PutRange(due):
                return self.put(worker, due, calm=calm)
            case FindArrival() | LakeHoldsIncarnation():
                raise AssertionError("the stream is younger than its retention")

    def put(self, worker: Worker, due: Range, *, calm: bool) -> Outcome:
        fate = 0 if calm else self.rng.randrange(8)
        if fate == 1:  # applied, but the answer is lost
            self.lake.put(due, worker.name)
            return Outcome.UNKNOWN
        if fate == 2:  # not applied
            return Outcome.UNKNOWN if self.look_after_unknown else Outcome.COMMITTED
        if fate == 3:  # applied later
            self.late.append((due, worker.name))
            return Outcome.UNKNOWN
        return Outcome.COMMITTED if self.lake.put(due, worker.name) else Outcome.REFUSED

    # what must hold

    def check(self) -> None:
        held = [one for due in self.lake.commits for one in numbers_of(due)]
        assert sorted(held) == [record.number for record in self.log], "each record exactly once"
        self.check_links()
        for _, footer in self.lake.objects.values():
            assert footer.quarantine is None or footer.quarantine in self.lake.quarantine
        for due in self.lake.commits:
            assert len({hour_number(at) for run in due.runs for at in run.arrivals}) == 1

    def check_links(self) -> None:
        ordered = sorted(self.lake.objects.values(), key=lambda pair: pair[0].first)
        end: str | None = None
        for _, footer in ordered:
            assert footer.after == end, "every range begins at the end of the one before"
            end = footer.last


def test_each_record_is_in_the_lake_exactly_once_whatever_happens() -> None:
    for seed in range(HISTORIES):
        history = History(seed)
        history.run()
        try:
            history.check()
        except AssertionError as error:
            pytest.fail(f"seed {seed}: {error}")


@pytest.mark.parametrize(
    "clause",
    [
        pytest.param("one_name", id="I2: one key for one first record"),
        pytest.param("quarantine_first", id="I3: the quarantine object first"),
        pytest.param("conditional", id="I3: If-None-Match"),
        pytest.param("look_after_unknown", id="I4: look after an unknown outcome"),
        pytest.param("take_over", id="I5: the lake says where to write"),
        pytest.param("checkpoint_what_is_held", id="I6: checkpoint only what the lake holds"),
    ],
)
def test_the_model_notices_when_a_clause_is_taken_out(clause: str) -> None:
    for seed in range(HISTORIES):
        history = History(seed, **{clause: False})
        try:
            history.run()
            history.check()
        except AssertionError:
            return
    pytest.fail(f"{HISTORIES} histories without {clause}, and nothing was noticed")


def test_a_replay_of_a_finished_shard_writes_nothing_and_walks_instead_of_encoding() -> None:
    """Adoption must bound the work: one refused put a walked hour, not one a range."""
    history = History(1)
    history.log = make_log(random.Random(2), 200)  # noqa: S311 - repeatable on purpose
    for record in history.log:
        record.arrival = 10 * HOUR
    writer = history.start()
    writer.writer.policy = FlushPolicy(1, 1, 1e9)
    while writer.at < len(history.log) or writer.steps is not None:
        history.advance(writer, calm=True)
    history.finish(writer)
    commits = len(history.lake.commits)
    assert commits == len(history.log)
    history.effects = 0
    replay = history.start()
    while replay.at < len(history.log) or replay.steps is not None:
        history.advance(replay, calm=True)
    history.finish(replay)
    assert len(history.lake.commits) == commits
    assert history.effects <= 2 * commits
    history.check()


MOST_EFFECTS = 2_000  # of one history; a sound writer takes some hundreds
RETENTION = 3 * HOUR
OLD_FACTS = StreamFacts(created=-(10**12), retention_milliseconds=RETENTION)
MINUTE = 60_000


class ExpiringHistory(History):
    """A history in which time passes: the stream forgets, and held records grow old (I7, I8)."""

    def __init__(self, seed: int, *, flag_gaps: bool = True, hold_limit: bool = True) -> None:
        super().__init__(seed)
        self.now = self.log[0].arrival
        self.flag_gaps = flag_gaps
        self.hold_limit = hold_limit

    def act(self) -> None:
        if self.rng.randrange(6) == 0:
            self.pass_time()
        super().act()

    def pass_time(self) -> None:
        while self.late and self.rng.random() < 0.7:  # within minutes of its start, or never
            self.lake.put(*self.late.pop())
        self.late.clear()
        steps = (1000, MINUTE, 20 * MINUTE, HOUR, RETENTION + HOUR)
        self.now += self.rng.choices(steps, (8, 8, 3, 3, 1))[0]

    def trimmed(self) -> int:
        """How many records of the log the stream has forgotten.

        It forgets by the time at which it stored them, which only grows; arrival timestamps are
        its clock's, and may step back.
        """
        stored = accumulate((record.arrival for record in self.log), max)
        return sum(1 for at in stored if at < self.now - RETENTION)

    def run(self) -> None:
        for _ in range(self.rng.randint(5, 150)):
            self.act()
        self.now = max(self.now, self.log[-1].arrival)
        self.pass_time()
        self.workers = []
        survivor = self.start()
        for _ in range(10_000):
            if survivor.at >= len(self.log) and survivor.steps is None:
                break
            self.advance(survivor, calm=True)
        self.finish(survivor)

    def start(self) -> Worker:
        worker = super().start()
        worker.writer.stream = OLD_FACTS
        return worker

    def advance(self, worker: Worker, *, calm: bool) -> None:
        try:
            if worker.steps is None:
                worker.writer.refuse_if_held_too_long(self.clock)
            super().advance(worker, calm=calm)
        except HeldTooLong:
            self.workers.remove(worker)

    @property
    def clock(self) -> float:
        return self.now / 1000 if self.hold_limit else 0.0

    def next_message(self, worker: Worker, *, calm: bool) -> None:
        worker.at = max(worker.at, self.trimmed())
        super().next_message(worker, calm=calm)

    def has_come(self, record: Record) -> bool:
        return record.arrival <= self.now

    def deliver(self, worker: Worker, records: list[Record]) -> Steps:
        # As in a child, the time is that of the message, however long its records take.
        runs = runs_of(records, self.clock)
        return in_turn([worker.writer.receive(run, self.now) for run in runs])

    def perform(self, worker: Worker, effect: Effect, *, calm: bool) -> Any:
        match effect:
            case FindArrival(position):
                ends = [f for _, f in self.lake.objects.values() if f.last == position]
                return ends[0].last_arrival if ends else None
            case LakeHoldsIncarnation():
                return bool(self.lake.objects) and self.flag_gaps
            case PutRange(due) if self.clock > due.deadline:
                raise HeldTooLong(due.name.key)
        return super().perform(worker, effect, calm=calm)

    def check(self) -> None:
        """No record twice without a flag, and none missing in silence."""
        held = [one for due in self.lake.commits for one in numbers_of(due)]
        flags = sorted(due.name.first for due in self.lake.commits if due.runs[0].gap_possible)
        begin = min(held, default=0)  # what expired before the lake was ever begun is not its loss
        for missing in {record.number for record in self.log if record.number > begin} - set(held):
            later = [one for one in held if one > missing]
            assert not later or any(missing < flag <= min(later) for flag in flags), (
                f"{missing} is missing and nothing says so"
            )
        for twice in {one for one in held if held.count(one) > 1}:
            assert any(flag <= twice for flag in flags), f"{twice} is there twice, unflagged"


def test_an_expired_record_never_leaves_a_silent_hole() -> None:
    overlapping = 0
    for seed in range(HISTORIES):
        history = ExpiringHistory(seed)
        history.run()
        try:
            history.check()
        except AssertionError as error:
            pytest.fail(f"seed {seed}: {error}")
        held = [one for due in history.lake.commits for one in numbers_of(due)]
        overlapping += len(held) != len(set(held))
    assert overlapping <= HISTORIES // 100


@pytest.mark.parametrize("clause", ["flag_gaps"])
def test_the_model_notices_a_gap_that_is_not_flagged(clause: str) -> None:
    for seed in range(HISTORIES):
        history = ExpiringHistory(seed, **{clause: False})
        try:
            history.run()
            history.check()
        except AssertionError:
            return
    pytest.fail(f"{HISTORIES} histories without {clause}, and nothing was noticed")


def test_hours_are_those_of_the_arrival() -> None:
    record = RecordRun(["1"], [10 * HOUR + 5], [10], 0.0)
    assert record.hour == dt.datetime(1970, 1, 1, 10, tzinfo=dt.UTC)
