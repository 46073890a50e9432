"""Rows 6, 9, 12 and 13: the stream reshards, carries poison, is read again, is judged twice."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any, Final

from lake_core.layout import ended_key
from tests.faults.events import Entry, heavy_poison, plain, poison
from tests.faults.rows_processes import START_SECONDS
from tests.faults.scene import LEASES, STREAM, Scene
from tests.faults.waiting import until

RESHARD_EVENTS: Final = 4_000  # kinesis-local slows down with what it holds
TRIM_HORIZON: Final = "TRIM_HORIZON"
STRICT_MACHINE: Final = "7"  # readings of it are poison to the stricter version
_STRICTER: Final = Path(__file__).parent / "stricter_version"


# --- 6: resharding


def split_and_merged(scene: Scene) -> None:
    """Split a shard and merge two under load: parents end, children follow."""
    scene.worker("w1")
    scene.feed(30, events=RESHARD_EVENTS, packed_share=0.5)
    scene.flowing()
    scene.moment(0.2, 3.0)
    first, second, third = _open_shards(scene)
    _split(scene, scene.rng.choice((first, third)))
    scene.moment(1.0, 4.0)
    scene.fault_over()
    scene.recovered()
    left, right, *_ = _open_shards(scene)
    scene.kinesis.merge_shards(
        StreamName=STREAM, ShardToMerge=left["ShardId"], AdjacentShardToMerge=right["ShardId"]
    )
    _reshaped(scene)
    scene.fault_over()
    scene.recovered()
    scene.moment(4.0, 6.0)
    scene.settle()
    until(lambda: not _unmarked_parents(scene), START_SECONDS, "every parent is marked as ended")
    del second


def _open_shards(scene: Scene) -> list[dict[str, Any]]:
    shards = scene.kinesis.list_shards(StreamName=STREAM)["Shards"]
    still = [s for s in shards if "EndingSequenceNumber" not in s["SequenceNumberRange"]]
    return sorted(still, key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))


def _split(scene: Scene, shard: dict[str, Any]) -> None:
    keys = shard["HashKeyRange"]
    middle = (int(keys["StartingHashKey"]) + int(keys["EndingHashKey"])) // 2
    scene.kinesis.split_shard(
        StreamName=STREAM, ShardToSplit=shard["ShardId"], NewStartingHashKey=str(middle)
    )
    _reshaped(scene)


def _reshaped(scene: Scene) -> None:
    def active() -> bool:
        summary = scene.kinesis.describe_stream_summary(StreamName=STREAM)
        return bool(summary["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")

    until(active, START_SECONDS, "the stream is active again")


def _unmarked_parents(scene: Scene) -> list[str]:
    chains = {found.name.chain for found in scene.contents().ranges}
    parents = {
        shard["ShardId"]
        for shard in scene.kinesis.list_shards(StreamName=STREAM)["Shards"]
        if "EndingSequenceNumber" in shard["SequenceNumberRange"]
    }
    markers = set(scene.bucket.keys("state/ended/"))
    return [c.shard for c in chains if c.shard in parents and ended_key(c) not in markers]


# --- 9: poison


def poisoned(scene: Scene) -> None:
    """Every tenth entry is poison, then whole large records are, then for a while everything."""
    scene.worker("w1")
    scene.feed(20, poison_share=0.1)
    scene.flowing()
    for _ in range(12):
        scene.feeder.send([heavy_poison(scene.rng)])
        scene.moment(0.0, 0.3)
    with scene.feeder.paused():  # 100 %
        for _ in range(10):
            scene.feeder.send([plain(poison(scene.rng)) for _ in range(100)])
            time.sleep(0.3)
    scene.fault_over()
    scene.recovered()


# --- 12: checkpoints


def checkpoints_lost(scene: Scene) -> None:
    """All leases are deleted; the replay from TRIM_HORIZON adds nothing to the lake."""
    worker = scene.worker("w1")
    scene.feed(10)
    scene.settle()
    worker.terminate()
    before = _etags(scene)
    for shard in scene.leases():
        scene.dynamodb.delete_item(TableName=LEASES, Key={"leaseKey": {"S": shard}})
    shutil.rmtree(worker.state)
    scene.fault_over()
    scene.worker("w1")
    until(lambda: _read_to_the_end(scene), START_SECONDS, "the replay reaches every shard's end")
    scene.recovered()
    if (after := _etags(scene)) != before:
        changed = sorted(set(after.items()) ^ set(before.items()))
        scene.problems.append(f"a replay changed the lake: {changed[:4]}")


def checkpoints_at_ends(scene: Scene) -> None:
    """Checkpoints are set back to the ends of earlier ranges."""
    _set_back(scene, into_the_middle=False)


def checkpoints_mid_range(scene: Scene) -> None:
    """Checkpoints are set back into the middle of earlier ranges."""
    _set_back(scene, into_the_middle=True)


def _set_back(scene: Scene, *, into_the_middle: bool) -> None:
    worker = scene.worker("w1")
    scene.feed(12)
    scene.flowing()
    for _ in range(2):
        scene.moment(3.0, 8.0)
        worker.kept_running = False
        worker.kill_all()
        for shard, position in _earlier_positions(scene, into_the_middle=into_the_middle).items():
            _set_checkpoint(scene, shard, position)
        worker.kept_running = True
        scene.fault_over()
        scene.recovered()


def _earlier_positions(scene: Scene, *, into_the_middle: bool) -> dict[str, str]:
    chosen: dict[str, list[str]] = {}
    for found in scene.contents().ranges:
        inside = sorted({row["sequence_number"] for row in found.rows}, key=int)[1:-1]
        options = inside if into_the_middle else [found.footer["last"]]
        chosen.setdefault(found.name.chain.shard, []).extend(options)
    return {shard: scene.rng.choice(options) for shard, options in chosen.items() if options}


def _set_checkpoint(scene: Scene, shard: str, position: str) -> None:
    scene.dynamodb.update_item(
        TableName=LEASES,
        Key={"leaseKey": {"S": shard}},
        UpdateExpression="SET checkpoint = :position",
        ExpressionAttributeValues={":position": {"S": position}},
    )


def _etags(scene: Scene) -> dict[str, str]:
    pages = scene.s3.get_paginator("list_objects_v2").paginate(Bucket=scene.bucket.name)
    objects = [item for page in pages for item in page.get("Contents", [])]
    return {item["Key"]: item["ETag"] for item in objects if item["Key"][0] in "pq"}


def _read_to_the_end(scene: Scene) -> bool:
    ends: dict[str, int] = {}
    for shard, sequence in scene.ledger.records():
        ends[shard] = max(ends.get(shard, 0), sequence)
    at = {shard: lease["checkpoint"]["S"] for shard, lease in scene.leases().items()}
    return all(
        at.get(shard, "").isdecimal() and int(at[shard]) == end for shard, end in ends.items()
    )


# --- 13: a rolling upgrade


def rolling_upgrade(scene: Scene) -> None:
    """A newer version that refuses what the older takes shares the shards, and leases move."""

    def judged_differently(entry: Entry) -> bool:
        return entry.cells is not None and entry.cells["machine_id"] == STRICT_MACHINE

    scene.either = judged_differently
    old = scene.worker("old", PROCESSOR_RULE_SET="default")
    new = scene.worker("new", PROCESSOR_RULE_SET="original", PYTHONPATH=str(_STRICTER))
    until(lambda: scene.owned_by("old") > 0 < scene.owned_by("new"), START_SECONDS, "both work")
    scene.feed(35)
    scene.flowing()
    for _ in range(2):
        scene.moment(0.5, 3.0)
        for worker in scene.rng.sample((old, new), 2):
            worker.kill_all()
            scene.moment(2.0, 9.0)
        scene.fault_over()
        scene.recovered()
    _both_had_their_say(scene)


def _both_had_their_say(scene: Scene) -> None:
    versions = {found.footer["scoring_version"] for found in scene.contents().ranges}
    if len(versions) < 2:
        scene.problems.append(f"only one version wrote: {versions}; the row showed nothing")
