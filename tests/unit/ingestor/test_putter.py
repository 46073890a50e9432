"""Every record gets onto the stream, in order, whatever the stream answers at first."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from ingestor import putter as module
from ingestor.putter import MAX_CALL_BYTES, MAX_CALL_RECORDS, Putter
from ingestor.records import OutgoingRecord
from ingestor.settings import Settings
from lake_core.errors import OutcomeUnknown, TransientError
from tests.unit.ingestor.sample import FakeStream

SECONDS = 20.0


def record(position: int, shard: str = "s", data: bytes = b"{}") -> OutgoingRecord:
    return OutgoingRecord(data, "k", shard, None, 1, position)


@contextmanager
def putter_on(stream: FakeStream, deadline_seconds: float = SECONDS) -> Iterator[Putter]:
    settings = Settings("b", shard_limits=False, deadline_seconds=deadline_seconds)
    putter = Putter(stream, settings, lambda: None)
    try:
        yield putter
    finally:
        putter.close()


def send(putter: Putter, records: Sequence[OutgoingRecord]) -> None:
    for each in records:
        putter.expect([each])
        assert putter.offer([each], SECONDS)
    assert putter.drain(SECONDS)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "full_jitter", lambda tries: 0.001)


def test_refused_records_are_put_again_and_only_those() -> None:
    stream = FakeStream(lambda call, records: range(0, len(records), 2) if call < 4 else ())
    with putter_on(stream) as putter:
        send(putter, [record(n) for n in range(50)])
        assert sorted(r.first_position for r in stream.taken) == list(range(50))
        assert putter.totals.events == putter.totals.records == 50
        assert putter.totals.retried > 0
        assert putter.acknowledged_before(50) == 50


def test_an_unknown_outcome_is_put_again_and_counted() -> None:
    stream = FakeStream(lambda call, records: OutcomeUnknown("no answer") if call == 1 else ())
    with putter_on(stream) as putter:
        send(putter, [record(0)])
        assert len(stream.taken) == 1
        assert putter.totals.unknown_outcomes == 1


def test_a_shard_s_records_keep_their_order_over_retries_of_whole_calls() -> None:
    stream = FakeStream(lambda call, records: TransientError("busy") if call % 2 else ())
    with putter_on(stream) as putter:
        send(putter, [record(n, f"s{n % 3}") for n in range(3000)])
    for shard in ("s0", "s1", "s2"):
        positions = [r.first_position for r in stream.taken if r.shard_id == shard]
        assert positions == sorted(positions)
        assert len(positions) == 1000


def test_calls_keep_to_the_limits_of_put_records() -> None:
    sizes: list[int] = []
    stream = FakeStream(lambda call, records: sizes.append(sum(r.size for r in records)))
    with putter_on(stream) as putter:
        send(putter, [record(n) for n in range(1400)])
        send(putter, [record(n, data=b"x" * 900_000) for n in range(1400, 1412)])
    assert max(stream.calls) <= MAX_CALL_RECORDS
    assert max(sizes) <= MAX_CALL_BYTES


def test_after_the_deadline_it_gives_up_and_says_why() -> None:
    stream = FakeStream(lambda call, records: TransientError("slow down"))
    with putter_on(stream, deadline_seconds=0.05) as putter:
        one = [record(0)]
        putter.expect(one)
        putter.offer(one, SECONDS)
        with pytest.raises(TransientError, match=r"refused for 0 s and given up.*slow down"):
            putter.drain(SECONDS)
        assert putter.acknowledged_before(1) == 0


def test_a_stream_that_hangs_holds_neither_the_reader_nor_the_end() -> None:
    gate = threading.Event()
    stream = FakeStream(lambda call, records: gate.wait(SECONDS) and ())
    with putter_on(stream) as putter:
        for n in range(5000):
            each = [record(n)]
            putter.expect(each)
            if not putter.offer(each, 0.01):
                break
        assert n < 4000, "a full lane pushes back"
        assert not putter.drain(0.01)
        assert putter.acknowledged_before(n + 1) == 0
    gate.set()


def test_a_record_that_went_elsewhere_says_that_the_map_is_old() -> None:
    moved: list[bool] = []
    stream = FakeStream()
    putter = Putter(stream, Settings("b", shard_limits=False), lambda: moved.append(True))
    real = stream.put
    stream.put = lambda records: [  # type: ignore[method-assign] # the fake of one test
        module.PutResult("another", None) for _ in real(records)
    ]
    send(putter, [record(0)])
    putter.close()
    assert moved == [True]
