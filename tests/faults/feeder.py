"""Puts events on the stream at an even rate, in a thread, and notes where each one went."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from lake_core.wire import Packing
from tests.faults.events import MACHINES, Entry, Outgoing, packed, plain, poison, reading
from tests.faults.ledger import Ledger

TICK_SECONDS: Final = 0.25
PACKED_EVENTS: Final = 100
MAX_PUT_RECORDS: Final = 500  # PutRecords limit per call
TRICKLE_EVENTS: Final = 25  # a tick, once the load is sent: faults meet a stream that flows
MAX_PUT_BYTES: Final = 4_000_000  # below PutRecords' 5 MiB


@dataclass(frozen=True, slots=True)
class Load:
    """How much is sent, for how long, and how much of it is poison."""

    events: int
    seconds: float
    poison_share: float = 0.01
    packed_share: float = 0.5


class Feeder:
    """One thread that sends a load."""

    def __init__(self, kinesis: Any, stream: str, ledger: Ledger, rng: random.Random) -> None:
        self._kinesis = kinesis
        self._stream = stream
        self._ledger = ledger
        self._rng = rng
        self._gate = threading.Lock()
        self._rows = count()
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None
        self._stopping = threading.Event()
        self._loaded = threading.Event()

    def start(self, load: Load) -> None:
        """Begin to send."""
        self._thread = threading.Thread(target=self._guarded, args=(load,), daemon=True)
        self._thread.start()

    def finish(self, seconds: float) -> None:
        """Wait until the load is sent, then stop the trickle; raise what stopped the thread."""
        if self._thread is None:
            return
        if not self._loaded.wait(seconds):
            raise TimeoutError(f"the load was not sent within {seconds:.0f} s")
        self.close()
        if self._error:
            raise self._error

    def close(self) -> None:
        """Send nothing more."""
        self._stopping.set()
        if self._thread:
            self._thread.join(60)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Send nothing: the stream's emulator goes away for a while."""
        with self._gate:
            yield

    def send(self, records: list[Outgoing]) -> None:
        """Put records and note where they went."""
        batch: list[Outgoing] = []
        for record in records:
            size = sum(len(one.data) for one in batch) + len(record.data)
            if batch and (len(batch) == MAX_PUT_RECORDS or size > MAX_PUT_BYTES):
                self._put(batch)
                batch = []
            batch.append(record)
        if batch:
            self._put(batch)

    def batch(self, load: Load, events: int) -> list[Outgoing]:
        """Return the next records: some plain, some packed, some of them poison."""
        packs = int(events * load.packed_share) // PACKED_EVENTS
        records = [self._packed(load) for _ in range(packs)]
        left = events - packs * PACKED_EVENTS
        records += [plain(self._entry(load)) for _ in range(left)]
        self._rng.shuffle(records)
        return records

    def _packed(self, load: Load) -> Outgoing:
        packing = self._rng.choice((Packing.KPL, Packing.NDJSON_ZSTD, Packing.ARROW_ZSTD))
        entry = self._good_entry if packing is Packing.ARROW_ZSTD else lambda: self._entry(load)
        return packed([entry() for _ in range(PACKED_EVENTS)], self._any_key(), packing)

    def _entry(self, load: Load) -> Entry:
        return poison(self._rng) if self._rng.random() < load.poison_share else self._good_entry()

    def _good_entry(self) -> Entry:
        return reading("matrix.csv-00000000-0", next(self._rows))

    def _any_key(self) -> str:
        return str(self._rng.randrange(MACHINES))

    def _guarded(self, load: Load) -> None:
        try:
            self._run(load)
        except Exception as error:  # noqa: BLE001 - handed to whoever joins
            self._error = error
        self._loaded.set()

    def _run(self, load: Load) -> None:
        ticks = max(1, round(load.seconds / TICK_SECONDS))
        began, sent = time.monotonic(), 0
        for tick in range(1, ticks + 1):
            due = load.events * tick // ticks - sent
            with self._gate:
                self.send(self.batch(load, due))
            sent += due
            if self._stopping.wait(max(0.0, began + tick * TICK_SECONDS - time.monotonic())):
                return
        self._loaded.set()
        while not self._stopping.wait(TICK_SECONDS):
            with self._gate:
                self.send(self.batch(load, TRICKLE_EVENTS))

    def _put(self, records: list[Outgoing]) -> None:
        requests = [record.request for record in records]
        answer = self._kinesis.put_records(StreamName=self._stream, Records=requests)
        for record, result in zip(records, answer["Records"], strict=True):
            if "SequenceNumber" not in result:
                raise AssertionError(f"the emulator refused a record: {result}")
            self._ledger.add(result["ShardId"], result["SequenceNumber"], record.entries)
