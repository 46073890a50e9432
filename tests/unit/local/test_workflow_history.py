"""What an execution's history says of each step, whichever engine wrote it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from lake_local.etl import Storyteller, brought, step_line
from lake_local.workflow import StepProgress, StepState, fold_history

BEGAN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
ARN = "arn:aws:states:us-east-1:000000000000:activity:"
JOB = "ecommerce_etl_job"


def event(number: int, kind: str, before: int = 0, **said: str) -> dict[str, Any]:
    """One event, a second after the one before."""
    key = f"{kind[0].lower()}{kind[1:]}EventDetails"
    return {
        "id": number,
        "previousEventId": before,
        "type": kind,
        "timestamp": BEGAN + dt.timedelta(seconds=number),
        key: said,
    }


def test_an_engine_that_names_the_resource_each_time_is_understood() -> None:
    steps = fold_history(
        [
            event(1, "TaskScheduled", resource=ARN + JOB),
            event(2, "TaskScheduled", resource=ARN + "data-integration"),
            event(3, "TaskSucceeded", resource=ARN + JOB, output='{"rows": 7}'),
        ]
    )
    assert (steps[JOB].state, steps[JOB].output) == (StepState.DONE, {"rows": 7})
    assert steps[JOB].ended == (BEGAN + dt.timedelta(seconds=3)).timestamp()
    assert steps["data-integration"].state is StepState.RUNNING
    assert steps["manufacturing_etl_job"].state is StepState.WAITING


def test_an_engine_that_refers_to_the_event_before_is_understood() -> None:
    steps = fold_history(
        [
            event(1, "TaskStateEntered"),
            event(2, "ActivityScheduled", 1, resource=ARN + JOB),
            event(3, "ActivityScheduled", 1, resource=ARN + "data-integration"),
            event(4, "ActivityStarted", 2),
            event(5, "ActivityStarted", 3),
            event(6, "ActivityTimedOut", 5, error="States.Timeout"),
            event(7, "ActivitySucceeded", 4, output='{"rows": 7}'),
        ]
    )
    assert (steps[JOB].state, steps[JOB].attempts) == (StepState.DONE, 1)
    failed = steps["data-integration"]
    assert (failed.state, failed.error) == (StepState.FAILED, "States.Timeout")


def test_a_step_that_failed_and_was_done_again_is_done() -> None:
    steps = fold_history(
        [
            event(1, "TaskScheduled", resource=ARN + JOB),
            event(2, "TaskFailed", resource=ARN + JOB, error="StepFailed", cause="no disk"),
            event(3, "TaskScheduled", resource=ARN + JOB),
            event(4, "TaskSucceeded", resource=ARN + JOB, output="{}"),
        ]
    )
    assert (steps[JOB].state, steps[JOB].attempts, steps[JOB].error) == (StepState.DONE, 2, None)


def test_each_change_is_told_once_and_a_long_step_is_seen_to_be_alive() -> None:
    said: list[str] = []
    teller = Storyteller(said.append, began=0.0)
    running = {JOB: StepProgress(JOB, StepState.RUNNING, attempts=1)}
    for now in (0.0, 1.0, 16.0):
        teller.tell(running, now)
    teller.tell({JOB: StepProgress(JOB, StepState.DONE, attempts=1, output={"rows": 7})}, 20.0)
    assert [line.split(JOB)[1].strip() for line in said] == [
        "… running", "… still running", "✓ done  rows 7",
    ]  # fmt: skip


def test_what_a_step_brought_is_its_plain_values() -> None:
    output = {"message": "done", "seconds": 3, "rows": 100_000, "positions": {"a": 1}, "none": None}
    assert brought(output) == "rows 100,000"
    failed = StepProgress(JOB, StepState.FAILED, attempts=2, error="StepFailed: no disk")
    assert step_line(failed) == "✗ failed (attempt 2): StepFailed: no disk"
