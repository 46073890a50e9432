"""Rows 1 to 5: processes that die, stop, pause, and share."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from typing import Final

from processor.fail_points import MARKER
from tests.faults.scene import SHARDS, Scene
from tests.faults.waiting import until
from tests.faults.workers import Worker

START_SECONDS: Final = 60
ZOMBIE_AGE_SECONDS: Final = "4"
GRACE_SECONDS: Final = 20.0  # PROCESSOR_SHUTDOWN_GRACE_MILLISECONDS, and what a task has


def child_killed_mid_batch(scene: Scene) -> None:
    """Kill a child while it holds records that are in no range yet."""
    worker = scene.worker("w1")
    scene.feed(24)
    scene.flowing()
    for _ in range(scene.faults):
        scene.moment(0.2, 2.0)
        until(lambda: worker.kill_child(scene.rng.randrange(SHARDS)), START_SECONDS, "a child")
        scene.fault_over()
        scene.recovered()


def child_killed_before_lake_object(scene: Scene) -> None:
    """Kill a child between the quarantine object and the lake object."""
    _fail_point(scene, "before-lake-object")


def child_killed_after_lake_object(scene: Scene) -> None:
    """Kill a child between the lake object and the checkpoint."""
    _fail_point(scene, "after-lake-object")


def _fail_point(scene: Scene, moment: str) -> None:
    point = f"{moment}:{scene.rng.randint(1, 5)}"
    worker = scene.worker("w1", PROCESSOR_FAIL_POINT=point)
    scene.feed(24, poison_share=0.05)
    for _ in range(scene.faults):
        marker = worker.state / MARKER
        until(marker.exists, START_SECONDS, f"{point} is reached")
        scene.fault_over()
        scene.recovered()
        marker.unlink()


def jvm_killed(scene: Scene) -> None:
    """Kill the JVM; its children are left to notice."""
    worker = scene.worker("w1")
    scene.feed(20)
    scene.flowing()
    scene.moment(0.2, 3.0)
    worker.kill_jvm()
    scene.fault_over()
    scene.recovered()


def jvm_and_children_killed(scene: Scene) -> None:
    """Kill all processes of a task at once."""
    worker = scene.worker("w1")
    scene.feed(20)
    scene.flowing()
    scene.moment(0.2, 3.0)
    worker.kill_all()
    scene.fault_over()
    scene.recovered()


def killed_every_few_seconds(scene: Scene) -> None:
    """Kill a task again and again, often before it has done anything."""
    worker = scene.worker("w1")
    scene.feed(40)
    scene.flowing()
    for _ in range(5):
        worker.kill_all()
        scene.moment(3.0, 9.0)
    worker.kill_jvm()
    scene.fault_over()
    scene.recovered()


def terminated(scene: Scene) -> None:
    """SIGTERM: all that was received is in the lake and checkpointed, nothing is read again."""
    # Records wait long for their range, so that there is something to hand over.
    worker = scene.worker("w1", PROCESSOR_MAX_AGE_SECONDS="5")
    scene.feed(20)
    scene.flowing()
    scene.moment(0.5, 6.0)
    took = worker.terminate()
    if took > GRACE_SECONDS:
        scene.problems.append(f"the hand-over took {took:.1f} s, the grace is {GRACE_SECONDS} s")
    _everything_handed_over(scene)
    scene.fault_over()
    again = scene.worker("w1", PROCESSOR_MAX_AGE_SECONDS="2")
    scene.recovered()
    scene.settle()
    refused = [
        json.loads(line)["key"] for line in again.log.splitlines() if "range refused" in line
    ]
    if refused:
        scene.problems.append(f"read again after a hand-over: {refused}")


def _everything_handed_over(scene: Scene) -> None:
    ends: dict[str, int] = {}
    for found in scene.contents().ranges:
        shard = found.name.chain.shard
        ends[shard] = max(ends.get(shard, -1), int(found.footer["last"]))
    for shard, lease in scene.leases().items():
        checkpoint = lease["checkpoint"]["S"]
        if not checkpoint.isdecimal() or int(checkpoint) != ends.get(shard):
            scene.problems.append(
                f"{shard} is checkpointed at {checkpoint}, the lake ends at {ends.get(shard)}"
            )


def two_workers(scene: Scene, max_age: str = "1") -> tuple[Worker, Worker]:
    """Start two processors and wait until each has a share."""
    first = scene.worker("w1", PROCESSOR_MAX_AGE_SECONDS=max_age)
    pair = first, scene.worker("w2", PROCESSOR_MAX_AGE_SECONDS=max_age)
    until(
        lambda: all(scene.owned_by(worker.name) for worker in pair), START_SECONDS,
        "both workers hold leases",
    )  # fmt: skip
    return pair


def shared_killed_and_added(scene: Scene) -> None:
    """One of two workers dies and its shards move; then one is added and shards move again."""
    first, second = two_workers(scene)
    scene.feed(35)
    scene.flowing()
    scene.moment(0.2, 3.0)
    victim, survivor = scene.rng.sample((first, second), 2)
    victim.kept_running = False
    victim.kill_all()
    scene.fault_over()
    scene.recovered()
    until(lambda: scene.owned_by(survivor.name) == SHARDS, START_SECONDS, "the survivor has all")
    scene.moment(0.0, 2.0)
    added = scene.worker("w3")
    until(lambda: scene.owned_by(added.name) > 0, START_SECONDS, "the added worker has a shard")
    scene.fault_over()
    scene.recovered()


def paused_until_lease_taken(scene: Scene) -> None:
    """A paused worker loses its leases and wakes up about when the other begins to work."""
    _paused(scene, lambda _shards: scene.moment(0.0, 6.0))


def paused_until_written_past(scene: Scene) -> None:
    """A paused worker wakes up with records in hand that the other has written meanwhile."""

    def written_past(shards: list[str]) -> None:
        taken = time.monotonic()
        until(
            lambda: all(scene.watcher.committed_since(shard, taken) for shard in shards),
            START_SECONDS, "the other writes the shards it has taken",
        )  # fmt: skip
        scene.moment(0.0, 3.0)

    # The children wake up before their JVM, which would tell them at once that they lost.
    _paused(scene, written_past, jvm_seconds=3.0)


def _paused(scene: Scene, wait: Callable[[list[str]], None], jvm_seconds: float = 0.0) -> None:
    # Records wait for their range: the one that is paused has some in hand.
    pair = two_workers(scene, ZOMBIE_AGE_SECONDS)
    scene.feed(30)
    scene.flowing()
    zombie, other = scene.rng.sample(pair, 2)
    scene.moment(0.2, 2.0)
    held = [s for s, lease in scene.leases().items() if lease["leaseOwner"]["S"] == zombie.name]
    zombie.signal_all(signal.SIGSTOP)
    try:
        until(lambda: scene.owned_by(other.name) == SHARDS, START_SECONDS, "the leases are taken")
        wait(held)
        zombie.signal_children(signal.SIGCONT)
        time.sleep(jvm_seconds)
    finally:
        zombie.signal_all(signal.SIGCONT)
    scene.fault_over()
    scene.recovered()
    scene.moment(3.0, 4.0)  # time for the zombie to write what it held
