"""The workflow is one definition: what differs between its homes is named, nothing else does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lake_core.names import ETL_JOBS
from lake_core.orchestration import STEPS, Step, definition

LOCAL = {name: Step(f"arn:activity:{name}") for name in STEPS}
ON_AWS = {
    name: Step("arn:glue" if name in ETL_JOBS.values() else "arn:ecs", {"Cluster": "lake"})
    for name in STEPS
}


def local() -> dict[str, Any]:
    return definition(LOCAL, first_pause_seconds=1, heartbeat_seconds=30)


def states_of(machine: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every state by name, those of branches too."""
    found: dict[str, dict[str, Any]] = {}
    for name, state in machine["States"].items():
        found[name] = state
        for branch in state.get("Branches", []):
            found |= states_of(branch)
    return found


def test_no_placeholder_is_left() -> None:
    assert "${" not in json.dumps(local())
    assert "null" not in json.dumps(local())


def test_a_step_that_is_missing_is_refused() -> None:
    with pytest.raises(KeyError, match="data-integration"):
        definition(
            {n: s for n, s in LOCAL.items() if n != "data-integration"}, first_pause_seconds=1
        )


def test_every_task_retries_with_backoff_and_no_failure_is_swallowed() -> None:
    states = states_of(local())
    tasks = [state for name, state in states.items() if "activity" in state.get("Resource", "")]
    assert len(tasks) == len(STEPS)
    for task in tasks:
        assert [retry["BackoffRate"] for retry in task["Retry"]] == [2, 2]
        assert task["Catch"][0]["ErrorEquals"] == ["States.ALL"]
    assert states["TellOfFailure"]["Next"] == "Failed"
    assert states["Failed"]["Type"] == "Fail"
    assert [name for name, state in states.items() if state.get("End")] == [
        "ManufacturingAnalytics", "ManufacturingFailed", "EcommerceAnalytics", "EcommerceFailed",
        "DataIntegration",
    ]  # fmt: skip


def test_every_state_that_is_named_exists() -> None:
    machine = local()
    scopes = [machine, *machine["States"]["Domains"]["Branches"]]
    for scope in scopes:
        names = set(scope["States"])
        assert scope["StartAt"] in names
        for state in scope["States"].values():
            following = [state.get("Next"), state.get("Default")]
            following += [
                rule["Next"] for rule in (*state.get("Catch", []), *state.get("Choices", []))
            ]
            assert {name for name in following if name} <= names


def test_homes_differ_in_resources_parameters_and_heartbeats_alone() -> None:
    on_aws, here = definition(ON_AWS, first_pause_seconds=1), local()
    for name, state in states_of(here).items():
        other = states_of(on_aws)[name]
        differing = {key for key in {*state, *other} if state.get(key) != other.get(key)}
        assert differing <= {"Resource", "Parameters", "HeartbeatSeconds", "Branches"}
    aws_task = states_of(on_aws)["DataIntegration"]
    assert "HeartbeatSeconds" not in aws_task  # nobody would send them
    assert aws_task["Parameters"] == {
        "Cluster": "lake", **states_of(here)["DataIntegration"]["Parameters"],
    }  # fmt: skip


def test_an_analytics_task_is_told_its_command_and_run() -> None:
    overrides = states_of(local())["EcommerceAnalytics"]["Parameters"]["Overrides"]
    assert overrides["ContainerOverrides"][0]["Command.$"] == (
        "States.Array('analyze','ecommerce','--run-id',$$.Execution.Name)"
    )
