"""Rows 7 and 8: the services the processor stands on fail it."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.faults import misfortunes
from tests.faults.proxy import Fault, Request, no_fault
from tests.faults.scene import Scene
from tests.faults.workers import Worker


def _begin(scene: Scene) -> Worker:
    worker = scene.worker("w1")
    scene.feed(scene.outage + 10)
    scene.flowing()
    scene.moment(0.2, 3.0)
    return worker


def _s3_fails(
    scene: Scene, fault: Fault, which: Callable[[Request], bool] = misfortunes.is_put
) -> None:
    _begin(scene)
    scene.s3_proxy.fault = misfortunes.sometimes(scene.rng, 0.5, fault, which=which)
    time.sleep(scene.outage)
    scene.s3_proxy.fault = no_fault
    scene.fault_over()
    scene.recovered()


def s3_answers_errors(scene: Scene) -> None:
    """Half of the requests are answered 500, 503 or SlowDown."""
    _s3_fails(scene, misfortunes.s3_errors(scene.rng), misfortunes.is_any)


def s3_silent_before(scene: Scene) -> None:
    """Half of the puts time out and were never applied."""
    _s3_fails(scene, misfortunes.silent_before(scene.rng))


def s3_silent_after(scene: Scene) -> None:
    """Half of the puts time out and were applied."""
    _s3_fails(scene, misfortunes.silent_after(scene.rng))


def s3_late(scene: Scene) -> None:
    """Half of the puts are cut and applied up to eight seconds later."""
    _s3_fails(scene, misfortunes.late(scene.rng))


def s3_gone(scene: Scene) -> None:
    """S3 cannot be reached."""
    _begin(scene)
    scene.s3_proxy.gone()
    time.sleep(scene.outage)
    scene.s3_proxy.back()
    scene.fault_over()
    scene.recovered()


def leases_throttled(scene: Scene) -> None:
    """DynamoDB refuses every request as too much."""
    _begin(scene)
    scene.dynamodb_proxy.fault = misfortunes.throttled
    time.sleep(scene.outage)
    scene.dynamodb_proxy.fault = no_fault
    scene.fault_over()
    scene.recovered()


def leases_gone(scene: Scene) -> None:
    """DynamoDB cannot be reached."""
    _begin(scene)
    scene.dynamodb_proxy.gone()
    time.sleep(scene.outage)
    scene.dynamodb_proxy.back()
    scene.fault_over()
    scene.recovered()


def kinesis_gone(scene: Scene) -> None:
    """Kinesis cannot be reached by the processor; producers still can."""
    _begin(scene)
    scene.kinesis_proxy.gone()
    time.sleep(scene.outage)
    scene.kinesis_proxy.back()
    scene.fault_over()
    scene.recovered()


def emulator_restarted(scene: Scene) -> None:
    """All services at once: the emulator stops with its state saved, and starts again."""
    _begin(scene)
    with scene.feeder.paused():
        scene.emulator.stop()
        scene.moment(2.0, 10.0)
        scene.emulator.start()
    scene.fault_over()
    scene.recovered()
