"""The workflow `data-lake-orchestration`: one definition, and what differs between its homes.

The file beside this module is Amazon States Language with placeholders. `definition` fills them:
on AWS with `glue:startJobRun.sync` and `ecs:runTask.sync`, locally with activities (docs/adr/0005).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
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
ACTIVITIES: Final = (*ETL_JOBS.values(), *ANALYTICS_TASKS.values(), INTEGRATION_TASK)


@dataclass(frozen=True, slots=True)
class Step:
    """How a state is done: the resource, and its parameters where they differ between homes."""

    resource: str
    parameters: Mapping[str, Any] | None = None


def retriers(first_pause_seconds: int) -> list[dict[str, Any]]:
    """Return how a task is tried again.

    A job that failed is tried once more whatever it said: on AWS a lost host and a bad row are one
    error, and every job may be run twice.
    """
    pauses = {"IntervalSeconds": first_pause_seconds, "BackoffRate": 2, "JitterStrategy": "FULL"}
    return [
        {"ErrorEquals": list(TRANSIENT), "MaxAttempts": 4, **pauses},
        {"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 1, **pauses},
    ]


def definition(steps: Mapping[str, Step], *, first_pause_seconds: int) -> dict[str, Any]:
    """Return the state machine for these steps, by the names in `ACTIVITIES`.

    Raises:
        KeyError: a step is missing.
    """
    names = {f"{domain.capitalize()}Etl": ETL_JOBS[domain] for domain in Domain}
    names |= {f"{domain.capitalize()}Analytics": ANALYTICS_TASKS[domain] for domain in Domain}
    names["DataIntegration"] = INTEGRATION_TASK
    values: dict[str, Any] = {"Retry": retriers(first_pause_seconds)}
    for state, name in names.items():
        values[f"{state}Resource"] = steps[name].resource
        values[f"{state}Parameters"] = steps[name].parameters
    text = files("lake_core").joinpath(FILE).read_text(encoding="utf-8")
    filled: dict[str, Any] = _fill(json.loads(text), values)
    return filled


def _fill(node: Any, values: Mapping[str, Any]) -> Any:
    match node:
        case dict():
            return {key: _fill(value, values) for key, value in node.items()}
        case list():
            return [_fill(value, values) for value in node]
        case str() if node.startswith("${") and node.endswith("}"):
            return values[node[2:-1]]
    return node
