"""The state machine on this machine: its steps are activities, which the batch worker serves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from lake_core.errors import InputError, LakeError
from lake_core.names import STATE_MACHINE
from lake_core.orchestration import STEPS, Step, definition
from lake_local.aws import ServiceError, error_code

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

FIRST_PAUSE_SECONDS: Final = 2  # before a step is tried again; AWS waits longer
HEARTBEAT_SECONDS: Final = 60  # a worker that is gone is noticed within
ROLE: Final = "arn:aws:iam::000000000000:role/step-functions-orchestration-role"


class StepState(StrEnum):
    """Where a step of an execution is."""

    WAITING = "waiting"
    RUNNING = "running"
    FAILED = "failed"
    DONE = "done"


@dataclass(slots=True)
class StepProgress:
    """What the history of an execution says of one step. Times are seconds since 1970."""

    name: str
    state: StepState = StepState.WAITING
    attempts: int = 0
    began: float | None = None
    ended: float | None = None
    output: dict[str, Any] = field(default_factory=dict)
    error: str | None = None


def make_workflow(states: SFNClient) -> list[str]:
    """Make activities and state machine, or bring it up to date; return a line, as read back.

    Raises:
        LakeError: the engine holds another definition than it was given.
    """
    steps = {name: Step(_make_activity(states, name)) for name in STEPS}
    wanted = definition(
        steps, first_pause_seconds=FIRST_PAUSE_SECONDS, heartbeat_seconds=HEARTBEAT_SECONDS
    )
    text = json.dumps(wanted)
    machine = find_workflow(states)
    if machine is None:
        machine = states.create_state_machine(name=STATE_MACHINE, definition=text, roleArn=ROLE)[
            "stateMachineArn"
        ]
    else:
        states.update_state_machine(stateMachineArn=machine, definition=text)
    held = states.describe_state_machine(stateMachineArn=machine)["definition"]
    if json.loads(held) != wanted:
        raise LakeError(f"the state machine {STATE_MACHINE} is not as it was defined")
    return [f"workflow {STATE_MACHINE}"]


def _make_activity(states: SFNClient, name: str) -> str:
    try:
        return states.create_activity(name=name)["activityArn"]
    except ServiceError as error:  # AWS answers with the one there is, emulators refuse
        if error_code(error) != "ActivityAlreadyExists":
            raise
        return activities(states)[name]


def activities(states: SFNClient) -> dict[str, str]:
    """Return the ARN of each activity by its name."""
    pages = states.get_paginator("list_activities").paginate()
    return {one["name"]: one["activityArn"] for page in pages for one in page["activities"]}


def find_workflow(states: SFNClient) -> str | None:
    """Return the ARN of the state machine, None where there is none."""
    for page in states.get_paginator("list_state_machines").paginate():
        for machine in page["stateMachines"]:
            if machine["name"] == STATE_MACHINE:
                return machine["stateMachineArn"]
    return None


def require_workflow(states: SFNClient) -> str:
    """Return the ARN of the state machine.

    Raises:
        InputError: there is none.
    """
    machine = find_workflow(states)
    if machine is None:
        raise InputError(
            f"there is no state machine {STATE_MACHINE} here; `python -m lake_local provision` "
            "makes it, `make run` does so by itself"
        )
    return machine


def running_execution(states: SFNClient, machine: str) -> str | None:
    """Return the ARN of an execution under way."""
    found = states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    return found[0]["executionArn"] if found else None


def start_execution(states: SFNClient, machine: str, name: str) -> str:
    """Start an execution of that name; return its ARN."""
    return states.start_execution(stateMachineArn=machine, name=name, input="{}")["executionArn"]


def progress(states: SFNClient, execution: str) -> dict[str, StepProgress]:
    """Return what has become of each step so far."""
    pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
    return fold_history(event for page in pages for event in page["events"])


def fold_history(events: Iterable[Mapping[str, Any]]) -> dict[str, StepProgress]:
    """Return the progress of each step from an execution's events, the oldest first.

    Engines differ: the same thing is a `Task…` event with the resource's name in one, and an
    `Activity…` event that refers to an earlier one in another.
    """
    steps = {name: StepProgress(name) for name in STEPS}
    names: dict[int, str] = {}  # event → step
    for event in events:
        name = _step_of(event, names)
        if name is None:
            continue
        names[event["id"]] = name
        _apply(steps[name], event)
    return steps


def _apply(step: StepProgress, event: Mapping[str, Any]) -> None:
    kind, at = event["type"], event["timestamp"].timestamp()
    if kind in ("TaskScheduled", "ActivityScheduled"):
        step.state, step.attempts = StepState.RUNNING, step.attempts + 1
        step.began = step.began or at
    elif kind in ("TaskSucceeded", "ActivitySucceeded"):
        step.state, step.ended, step.error = StepState.DONE, at, None
        step.output = _decoded(_details(event).get("output"))
    elif kind in ("TaskFailed", "TaskTimedOut", "ActivityFailed", "ActivityTimedOut"):
        said = _details(event)
        step.state, step.ended = StepState.FAILED, at
        step.error = ": ".join(said[key] for key in ("error", "cause") if said.get(key))


def _step_of(event: Mapping[str, Any], names: Mapping[int, str]) -> str | None:
    if not event["type"].startswith(("Task", "Activity")) or "State" in event["type"]:
        return None
    name = _details(event).get("resource", "").rsplit(":", 1)[-1]
    if name in STEPS:
        return str(name)
    return names.get(event.get("previousEventId", 0))


def _details(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what an event says beside its kind: under a key made from that kind."""
    kind = event["type"]
    details: Mapping[str, Any] = event.get(f"{kind[0].lower()}{kind[1:]}EventDetails", {})
    return details


def _decoded(text: str | None) -> dict[str, Any]:
    try:
        decoded = json.loads(text or "{}")
    except json.JSONDecodeError:
        return {}
    return decoded if isinstance(decoded, dict) else {}
