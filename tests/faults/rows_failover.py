"""Row 14: fifteen minutes in the fast-failover mode, which changes by itself if not pinned."""

from __future__ import annotations

import json
import time
from typing import Any, Final

from tests.faults.rows_processes import START_SECONDS, two_workers
from tests.faults.scene import LEASES, SHARDS, Scene
from tests.faults.waiting import until

MODE_SECONDS: Final = 15 * 60  # KCL changes it after about 11 minutes
LOOK_SECONDS: Final = 10
FAST_SECONDS: Final = 60  # the other mode takes up to 145 s


def stays_fast(scene: Scene) -> None:
    """Two workers under light load; then one dies, and the other takes over as fast as ever."""
    workers = two_workers(scene)
    seconds = MODE_SECONDS * scene.share
    scene.feed(MODE_SECONDS)
    scene.flowing()
    until_when = time.monotonic() + seconds
    while time.monotonic() < until_when:
        if changed := _changed_mode(scene):
            scene.problems.append(f"the failover mode has changed: {changed}")
            break
        time.sleep(LOOK_SECONDS)
    victim, survivor = scene.rng.sample(workers, 2)
    victim.kept_running = False
    victim.kill_all()
    scene.fault_over()
    until(lambda: scene.owned_by(survivor.name) == SHARDS, START_SECONDS, "the survivor has all")
    scene.recovered()
    if scene.recoveries[-1] > FAST_SECONDS:
        scene.problems.append(f"the takeover took {scene.recoveries[-1]:.0f} s")


def _changed_mode(scene: Scene) -> list[str]:
    items: list[dict[str, Any]] = scene.dynamodb.scan(
        TableName=f"{LEASES}-CoordinatorState", ConsistentRead=True
    )["Items"]
    texts = [json.dumps(item, default=str) for item in items]
    return [text for text in texts if "CLIENT_VERSION_3X" in text]
