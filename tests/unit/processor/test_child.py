"""A child from `initialize` to its end, with the daemon's answers played and the lake in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lake_core.chain import number
from lake_core.errors import LakeError, OutcomeUnknown
from lake_core.metrics import Target
from lake_core.names import Domain
from lake_core.parquet import read_object
from lake_core.rules import DEFAULT
from processor.chain import FlushPolicy, HeldTooLong
from processor.child import Child, ChildParts, Stream
from processor.kcl_protocol import (
    Daemon,
    Initialize,
    LeaseLost,
    ProcessRecords,
    ShardEnded,
    ShutdownRequested,
    UserRecord,
)
from processor.live import EVERY_SECONDS, LiveStore
from tests.unit.processor.test_live import Memory

ARRIVAL = 1795459132361
SHARD = "shardId-000000000000"
GOOD = json.dumps(
    {
        "timestamp": "2025-01-01 00:02:00", "machine_id": 15, "temperature": 98.94,
        "vibration": 24.98, "humidity": 50.47, "pressure": 1.59, "energy_consumption": 3.08,
        "machine_status": 1, "anomaly_flag": 1, "predicted_remaining_life": 38,
        "failure_type": "Normal", "downtime_risk": 1.0, "maintenance_required": 1,
    }
).encode()  # fmt: skip


class MemoryStore:
    """A bucket that keeps what it was given; `unknown` puts are applied but not answered."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.unknown = 0

    def list_keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(prefix))

    def read_tail(self, key: str, length: int) -> bytes | None:
        body = self.objects.get(key)
        return None if body is None else body[-length:]

    def read(self, key: str) -> bytes | None:
        return self.objects.get(key)

    def put(self, key: str, body: bytes) -> None:
        self.objects[key] = body

    def put_if_absent(self, key: str, body: bytes) -> bool:
        if key in self.objects:
            return False
        self.objects[key] = body
        if self.unknown:
            self.unknown -= 1
            raise OutcomeUnknown(key)
        return True


class PlayedDaemon(Daemon):
    """Keeps what the child says and agrees with every checkpoint."""

    def __init__(self) -> None:
        super().__init__(-1, -1)
        self.said: list[Any] = []
        self.refuse = False

    def acknowledge(self, message: Any) -> None:
        self.said.append(type(message).__name__)

    def checkpoint(self, sequence: str | None) -> bool:
        self.said.append(("checkpoint", sequence))
        return not self.refuse


class Scene:
    """One child with everything around it."""

    def __init__(
        self,
        directory: Path,
        metrics: Target | None = None,
        live: LiveStore | None = None,
        **policy: Any,
    ) -> None:
        self.metrics = metrics
        self.live = live
        self.store = MemoryStore()
        self.daemon = PlayedDaemon()
        self.now = 0.0
        self.directory = directory
        self.policy = FlushPolicy(
            **{"max_rows": 100, "max_bytes": 10**9, "max_age_seconds": 10.0} | policy
        )
        self.child = self.start(None)

    def start(self, position: str | None) -> Child:
        stream = Stream(Domain.MANUFACTURING, "20261123T181500123Z", ARRIVAL - 1000, 24)
        parts = ChildParts(
            self.store, stream, DEFAULT, self.policy, self.directory, live=self.live,
            clock=lambda: self.now, wall_clock=lambda: ARRIVAL / 1000, metrics=self.metrics,
        )  # fmt: skip
        self.child = Child(self.daemon, parts, Initialize(SHARD, position))
        return self.child

    def deliver(self, *numbers: int, data: bytes = GOOD, arrival: int = ARRIVAL) -> None:
        records = [UserRecord(data, "15", str(n).zfill(30), arrival) for n in numbers]
        assert self.child.handle(ProcessRecords(records, 0))

    def rows(self) -> list[str]:
        keys = self.store.list_keys("processed/")
        tables = [read_object(self.store.objects[key], key)[0] for key in keys]
        return [
            n.lstrip("0") for table in tables for n in table["sequence_number"].to_pylist() if n
        ]

    def checkpoints(self) -> list[str | None]:
        return [said[1] for said in self.daemon.said if isinstance(said, tuple)]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_records_wait_until_they_are_old_enough(scene: Scene) -> None:
    scene.deliver(1, 2)
    assert scene.rows() == []
    scene.now = 10.0
    scene.deliver()
    assert scene.rows() == ["1", "2"]
    assert scene.checkpoints() == ["2".zfill(30)]


def test_what_is_due_is_live_before_it_is_written_and_waits_for_its_turn(tmp_path: Path) -> None:
    live = Memory()
    scene = Scene(tmp_path, live=live)
    scene.deliver(1)
    scene.now = 10.0
    scene.deliver(2)
    assert [number(chunk.last) for chunk in live.chunks()] == [1, 2]
    assert scene.rows() == ["1", "2"]
    scene.now = 19.9
    scene.deliver(3)
    scene.now = 29.9
    scene.deliver(4)
    scene.now = 30.0
    scene.deliver(5)
    assert scene.rows() == ["1", "2", "3", "4"]  # 5 was not live yet
    assert scene.child.patience == pytest.approx(EVERY_SECONDS - 0.1)
    scene.now += EVERY_SECONDS
    scene.child.handle(None)
    assert [number(chunk.last) for chunk in live.chunks()] == [1, 2, 3, 4, 5]


def test_a_live_view_that_is_away_holds_no_range_up(tmp_path: Path) -> None:
    scene = Scene(tmp_path, live=Memory(away=True))
    scene.deliver(1)
    scene.now = 10.0
    scene.deliver(2)
    assert scene.rows() == ["1", "2"]


def test_a_tick_writes_what_is_due_and_the_next_message_checkpoints_it(scene: Scene) -> None:
    scene.deliver(1)
    scene.now = 11.0
    scene.child.handle(None)
    assert (scene.rows(), scene.checkpoints()) == (["1"], [])
    scene.deliver()
    assert scene.checkpoints() == ["1".zfill(30)]


def test_a_full_range_is_written_at_once(tmp_path: Path) -> None:
    scene = Scene(tmp_path, max_rows=2)
    scene.deliver(1, 2, 3)
    assert scene.rows() == ["1", "2"]
    assert scene.checkpoints() == ["2".zfill(30)]


def test_a_record_of_another_hour_ends_the_range(scene: Scene) -> None:
    scene.deliver(1)
    scene.deliver(2, arrival=ARRIVAL + 3_600_000)
    assert scene.rows() == ["1"]


def test_a_request_to_stop_writes_and_checkpoints_everything(scene: Scene) -> None:
    scene.deliver(1, 2)
    assert scene.child.handle(ShutdownRequested())
    assert scene.rows() == ["1", "2"]
    assert scene.daemon.said[-2:] == [("checkpoint", "2".zfill(30)), "ShutdownRequested"]


def test_a_lost_lease_keeps_nothing_and_writes_nothing(scene: Scene) -> None:
    scene.deliver(1)
    assert scene.child.handle(LeaseLost()) is False
    assert (scene.rows(), scene.checkpoints()) == ([], [])


def test_the_end_of_a_shard_is_marked_before_it_is_checkpointed(scene: Scene) -> None:
    scene.deliver(1)
    assert scene.child.handle(ShardEnded()) is False
    marker = f"state/ended/manufacturing/20261123T181500123Z/{SHARD}.json"
    assert json.loads(scene.store.objects[marker]) == {"last": "1".zfill(30)}
    assert scene.rows() == ["1"]
    assert scene.daemon.said[-2:] == [("checkpoint", None), "ShardEnded"]


def test_a_checkpoint_that_was_refused_is_tried_again(scene: Scene) -> None:
    scene.daemon.refuse = True
    scene.deliver(1)
    scene.now = 10.0
    scene.deliver()
    scene.daemon.refuse = False
    scene.deliver()
    scene.deliver()
    assert scene.checkpoints() == ["1".zfill(30)] * 2


def test_a_restart_from_the_beginning_adds_nothing(scene: Scene) -> None:
    scene.deliver(1, 2, 3)
    scene.child.handle(ShutdownRequested())
    scene.start(None)
    scene.deliver(1, 2)
    scene.deliver(3, 4)
    scene.child.handle(ShutdownRequested())
    assert scene.rows() == ["1", "2", "3", "4"]


def test_a_restart_in_the_middle_of_a_range_adopts_it(scene: Scene) -> None:
    scene.deliver(1, 2, 3)
    scene.child.handle(ShutdownRequested())
    scene.start("2".zfill(30))
    scene.deliver(3, 4)
    scene.child.handle(ShutdownRequested())
    assert scene.rows() == ["1", "2", "3", "4"]


def test_an_unknown_outcome_is_looked_up_and_not_written_twice(scene: Scene) -> None:
    scene.store.unknown = 1
    scene.deliver(1, 2)
    scene.child.handle(ShutdownRequested())
    assert scene.rows() == ["1", "2"]
    assert scene.checkpoints() == ["2".zfill(30)]


def test_poison_is_in_quarantine_before_the_range_that_names_it(scene: Scene) -> None:
    scene.deliver(1, data=b"junk")
    scene.deliver(2)
    scene.child.handle(ShutdownRequested())
    kinds = [key.split("/")[0] for key in scene.store.objects]
    assert kinds == ["quarantine", "processed"]
    assert scene.rows() == ["2"]


def test_a_paused_child_stops_instead_of_writing_late(scene: Scene) -> None:
    scene.deliver(1)
    scene.now = 15 * 60 + 1.0
    with pytest.raises(HeldTooLong):
        scene.child.handle(None)
    assert scene.rows() == []


def test_an_unreadable_object_stops_the_child_with_its_name(scene: Scene) -> None:
    scene.deliver(1)
    scene.child.handle(ShutdownRequested())
    (key,) = scene.store.list_keys("processed/")
    scene.store.objects[key] = b"not parquet at all"
    scene.start(None)
    with pytest.raises(LakeError, match=key):
        scene.deliver(1)
    assert scene.store.objects[key] == b"not parquet at all"


def test_the_heartbeat_is_there_while_the_shard_is_served(scene: Scene) -> None:
    scene.deliver(1)
    assert (scene.directory / SHARD).exists()
    scene.child.close()
    assert not (scene.directory / SHARD).exists()


def told(file: Path) -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(file.read_text())
        for sample in family.samples
        if "le" not in sample.labels
    }


def test_what_a_child_does_is_counted_and_told_until_its_end(tmp_path: Path) -> None:
    scene = Scene(tmp_path, metrics=tmp_path / "metrics")
    scene.deliver(1, 2)
    scene.deliver(3, data=b"not json")
    scene.now = 4.0
    scene.child.handle(None)
    file = tmp_path / "metrics" / f"{SHARD}.prom"
    held = told(file)
    assert (held["processor_records_total"], held["processor_events_total"]) == (3, 3)
    assert (held["processor_held_events"], held["processor_held_seconds"]) == (3, 4.0)
    assert (held["processor_rows_total"], held["processor_behind_seconds"]) == (0, 0)
    scene.now = 10.0
    scene.deliver()
    scene.now = 11.0
    scene.child.handle(None)
    written = told(file)
    assert (written["processor_rows_total"], written["processor_unusable_total"]) == (2, 1)
    assert (written["processor_ranges_total"], written["processor_held_events"]) == (1, 0)
    (body,) = (v for k, v in scene.store.objects.items() if k.startswith("processed/"))
    assert written["processor_bytes_total"] == len(body)
    assert written["processor_flush_seconds_count"] == 1
    scene.child.close()
    assert not file.exists()


def test_a_child_in_aws_tells_its_metrics_in_its_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(tmp_path, metrics="emf", max_rows=1)
    with caplog.at_level("INFO", "lake_core.metrics"):
        scene.deliver(1)
        scene.child.close()
    (line,) = (record.__dict__ for record in caplog.records if record.message == "metrics")
    assert (line["Rows"], line["Shard"], line["Stream"]) == (1, SHARD, "manufacturing-data-stream")
    # Each is billed for each stream: docs/cost.md counts them, docs/operations.md names them.
    assert scene.child.metrics.all.in_cloudwatch == [
        "Rows", "Unusable", "HeldSeconds", "BehindSeconds", "StoreRetries", "LiveFailed",
    ]  # fmt: skip
