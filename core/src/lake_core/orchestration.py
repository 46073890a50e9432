"""The workflow `data-lake-orchestration`: one definition, and what differs between its homes.

The file beside this module is Amazon States Language with placeholders. `definition` fills them:
on AWS with `glue:startJobRun.sync` and `ecs:runTask.sync`, locally with activities (docs/adr/0005).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

from lake_core.names import ANALYTICS_TASKS, ETL_JOBS, INTEGRATION_TASK, Domain

FILE: Final = "data-lake-orchestration.asl.json"
# What may pass by itself: the services' own hiccups, and what a task calls transient.
TRANSIENT: Final = (
    "TransientError",
    "Glue.ConcurrentRunsExceededException",
    "Glue.InternalServiceException",
    "Glue.OperationTimeoutException",
    "Glue.ResourceNumberLimitExceededException",
    "Glue.ThrottlingException",
    "ECS.ServerException",
    "ECS.ThrottlingException",
    "ECS.AmazonECSException",
)
# What the analytics tasks run: arguments of `python -m analytics_api`.
TASK_ARGUMENTS: Final = {
    **{ANALYTICS_TASKS[domain]: ("analyze", str(domain)) for domain in Domain},
    INTEGRATION_TASK: ("integrate",),
}
# The name of every step: of the activity locally, of the Glue job or the task on AWS.
STEPS: Final = (*ETL_JOBS.values(), *ANALYTICS_TASKS.values(), INTEGRATION_TASK)
CONTAINER: Final = "analytics"  # of the analytics tasks' definitions
_STATES: Final = {
    **{f"{domain.capitalize()}Etl": ETL_JOBS[domain] for domain in Domain},
    **{f"{domain.capitalize()}Analytics": ANALYTICS_TASKS[domain] for domain in Domain},
    "DataIntegration": INTEGRATION_TASK,
}


@dataclass(frozen=True, slots=True)
class Step:
    """Who does a step, and what it needs to be told beyond what every home tells it."""

    resource: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


def definition(
    steps: Mapping[str, Step], *, first_pause_seconds: int, heartbeat_seconds: int | None = None
) -> dict[str, Any]:
    """Return the state machine for these steps, by the names in `STEPS`.

    `heartbeat_seconds` is for workers that send heartbeats: activities, not AWS's own `.sync`.

    Raises:
        KeyError: a step is missing.
    """
    values: dict[str, Any] = {
        "Retry": retriers(first_pause_seconds),
        "HeartbeatSeconds": heartbeat_seconds,
    }
    for state, name in _STATES.items():
        values[f"{state}Resource"] = steps[name].resource
        if name in TASK_ARGUMENTS:
            values[f"{state}Parameters"] = {**steps[name].parameters, **task_parameters(name)}
    text = files("lake_core").joinpath(FILE).read_text(encoding="utf-8")
    filled: dict[str, Any] = _fill(json.loads(text), values)
    return filled


def retriers(first_pause_seconds: int) -> list[dict[str, Any]]:
    """Return how a step is tried again.

    One that failed is tried once more whatever it said: on AWS a lost host and a bad row are one
    error, and every step may be done twice.
    """
    pauses = {"IntervalSeconds": first_pause_seconds, "BackoffRate": 2, "JitterStrategy": "FULL"}
    return [
        {"ErrorEquals": list(TRANSIENT), "MaxAttempts": 4, **pauses},
        {"ErrorEquals": ["States.TaskFailed", "States.Timeout"], "MaxAttempts": 1, **pauses},
    ]


def task_parameters(name: str) -> dict[str, Any]:
    """Return what an analytics task is told: the command of its container."""
    words = ",".join(f"'{word}'" for word in (*TASK_ARGUMENTS[name], "--run-id"))
    command = f"States.Array({words},$$.Execution.Name)"
    return {"Overrides": {"ContainerOverrides": [{"Name": CONTAINER, "Command.$": command}]}}


def _fill(node: Any, values: Mapping[str, Any]) -> Any:
    """Put values in the place of placeholders; a key whose value is None is left out."""
    match node:
        case dict():
            filled = {key: _fill(value, values) for key, value in node.items()}
            return {key: value for key, value in filled.items() if value is not None}
        case list():
            return [_fill(value, values) for value in node]
        case str() if node.startswith("${") and node.endswith("}"):
            return values[node[2:-1]]
    return node
