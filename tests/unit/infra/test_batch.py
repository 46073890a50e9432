"""The batch side, in the synthesised templates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lake_core.errors import InputError
from lake_core.names import (
    ANALYTICS_TASKS,
    CRAWLERS,
    ETL_JOBS,
    GLUE_DATABASE,
    INTEGRATION_TASK,
    STATE_MACHINE,
    Domain,
)
from lake_core.orchestration import CONTAINER, TASK_ARGUMENTS, Step, definition
from lake_infra.artifacts import Artifacts
from lake_infra.orchestration import ECS_STEP, FIRST_PAUSE_SECONDS, GLUE_STEP
from tests.templates import filled, of_type, only, text
from tests.unit.infra.conftest import Templates

STACK = "data-lake-batch"


@pytest.fixture(params=["dev", "prod"])
def template(
    request: pytest.FixtureRequest, synthesised: Callable[[str], Templates]
) -> dict[str, Any]:
    return synthesised(str(request.param))[STACK]


def tasks_of(states: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in states["States"].items():
        if state["Type"] == "Task":
            yield name, state
        for branch in state.get("Branches", []):
            yield from tasks_of(branch)


def test_the_state_machine_is_cores_with_glue_and_ecs_in_its_steps(
    template: dict[str, Any],
) -> None:
    machine = only(template, "AWS::StepFunctions::StateMachine")
    assert machine["StateMachineName"] == STATE_MACHINE
    found = filled(machine["Definition"])
    # The same definition with the steps that were found in it: nothing else may differ.
    steps: dict[str, Step] = {job: Step(GLUE_STEP) for job in ETL_JOBS.values()}
    for _, state in tasks_of(found):
        task = state["Parameters"].get("TaskDefinition", "")
        for name in TASK_ARGUMENTS:
            if name.title().replace("-", "") in task:
                parameters = {k: v for k, v in state["Parameters"].items() if k != "Overrides"}
                steps[name] = Step(ECS_STEP, parameters)
    assert set(steps) == {*ETL_JOBS.values(), *TASK_ARGUMENTS}
    assert found == definition(steps, first_pause_seconds=FIRST_PAUSE_SECONDS)


def test_steps_wait_for_what_they_start_and_send_no_heartbeat(template: dict[str, Any]) -> None:
    machine = only(template, "AWS::StepFunctions::StateMachine")
    states = dict(tasks_of(filled(machine["Definition"])))
    for state in states.values():
        assert "HeartbeatSeconds" not in state
        if state["Resource"] != "arn:aws:states:::events:putEvents":
            assert state["Resource"].endswith(".sync")


def test_tasks_of_the_workflow_run_in_the_lakes_network(template: dict[str, Any]) -> None:
    machine = only(template, "AWS::StepFunctions::StateMachine")
    for _, state in tasks_of(filled(machine["Definition"])):
        if state["Resource"] == ECS_STEP:
            parameters = state["Parameters"]
            assert parameters["Cluster"].endswith(":cluster/multi-source-data-lake")
            network = parameters["NetworkConfiguration"]["AwsvpcConfiguration"]
            assert len(network["Subnets"]) == 2
            assert len(network["SecurityGroups"]) == 1
            assert parameters["LaunchType"] == "FARGATE"


def test_the_analytics_tasks_are_the_contracts_and_have_the_container_the_workflow_names(
    template: dict[str, Any],
) -> None:
    tasks = {t["Family"]: t for t in of_type(template, "AWS::ECS::TaskDefinition").values()}
    assert set(tasks) == {*ANALYTICS_TASKS.values(), INTEGRATION_TASK}
    for family, task in tasks.items():
        (container,) = task["ContainerDefinitions"]
        assert container["Name"] == CONTAINER
        assert container["Command"] == list(TASK_ARGUMENTS[family])
        assert container["ReadonlyRootFilesystem"] is True


def test_jobs_are_small_and_run_once_at_a_time(template: dict[str, Any]) -> None:
    jobs = {job["Name"]: job for job in of_type(template, "AWS::Glue::Job").values()}
    assert set(jobs) == set(ETL_JOBS.values())
    for name, job in jobs.items():
        assert (job["GlueVersion"], job["WorkerType"], job["NumberOfWorkers"]) == ("5.1", "G.1X", 2)
        assert job["ExecutionProperty"] == {"MaxConcurrentRuns": 1}
        assert job["MaxRetries"] == 0, "the workflow tries again"
        assert text(job["Command"]["ScriptLocation"]).endswith(f"/{name}.py")
        told = job["DefaultArguments"]
        assert told["--enable-auto-scaling"] == "true"
        assert told["--job-bookmark-option"] == "job-bookmark-disable"
        wheels = text(told["--additional-python-modules"]).split(",")
        assert [wheel.rsplit("/", 1)[-1] for wheel in wheels] == [
            "lake_core-0.0.0-py3-none-any.whl",
            "lake_glue-0.0.0-py3-none-any.whl",
            "msgspec==0.0.0",
            "pyarrow==0.0.0",
        ]


def test_a_job_ends_before_the_workflow_gives_it_up(template: dict[str, Any]) -> None:
    machine = only(template, "AWS::StepFunctions::StateMachine")
    for _, state in tasks_of(filled(machine["Definition"])):
        if state["Resource"] == GLUE_STEP:
            for job in of_type(template, "AWS::Glue::Job").values():
                assert job["Timeout"] * 60 < state["TimeoutSeconds"]


def test_crawlers_change_no_table_and_run_by_hand(template: dict[str, Any]) -> None:
    crawlers = {c["Name"]: c for c in of_type(template, "AWS::Glue::Crawler").values()}
    assert set(crawlers) == set(CRAWLERS.values())
    for domain, name in CRAWLERS.items():
        crawler = crawlers[name]
        assert "Schedule" not in crawler
        assert crawler["DatabaseName"] == GLUE_DATABASE
        assert crawler["TablePrefix"] == f"audit_{domain}_"
        (target,) = crawler["Targets"]["S3Targets"]
        assert text(target["Path"]).endswith(f"/processed/{domain}/")


def test_the_workflow_runs_by_the_hour(template: dict[str, Any]) -> None:
    schedule = only(template, "AWS::Scheduler::Schedule")
    assert schedule["ScheduleExpression"] == "rate(60 minutes)"
    assert json.loads(schedule["Target"]["Input"]) == {}


def test_what_the_jobs_run_must_be_there_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds 0 of lake_core"):
        Artifacts(tmp_path).wheels()
    built = Artifacts.stand_ins(tmp_path)
    (tmp_path / "lake_core-0.0.1-py3-none-any.whl").touch()
    with pytest.raises(InputError, match="holds 2 of lake_core"):
        built.wheels()


def test_versions_are_those_of_the_jobs_lock(tmp_path: Path) -> None:
    built = Artifacts.stand_ins(tmp_path)
    lock = "# inputs-sha256: 1\nmsgspec==0.22.0 \\\n    --hash=sha256:1\npyarrow==26.0.1 ; a\n"
    (tmp_path / "glue.txt").write_text(lock)
    assert built.pins() == ["msgspec==0.22.0", "pyarrow==26.0.1"]
    (tmp_path / "glue.txt").write_text("msgspec==0.22.0\n")
    with pytest.raises(InputError, match="no pyarrow"):
        built.pins()


def test_each_role_is_taken_by_one_service_alone(synthesised: Callable[[str], Templates]) -> None:
    roles = [
        role
        for template in synthesised("prod").values()
        for role in of_type(template, "AWS::IAM::Role").values()
    ]
    assert len({text(role["RoleName"]) for role in roles}) == len(roles)
    for role in roles:
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        service = statement["Principal"]["Service"]
        assert isinstance(service, str)
        assert bool(statement.get("Condition")) == (service != "glue.amazonaws.com")
        assert "ManagedPolicyArns" not in role
    names = {text(role["RoleName"]) for role in roles}
    assert {"glue-etl-role", "step-functions-orchestration-role"} <= names
    assert {f"{name}-role" for name in (*ANALYTICS_TASKS.values(), INTEGRATION_TASK)} <= names
    assert len(Domain) == 2


def test_nothing_is_allowed_on_everything_where_aws_knows_a_resource(
    synthesised: Callable[[str], Templates],
) -> None:
    on_everything = {
        action
        for template in synthesised("prod").values()
        for policy in of_type(template, "AWS::IAM::Policy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Resource"] == "*"
        for action in _list(statement["Action"])
    }
    services = {action.split(":")[0] for action in on_everything}
    assert services == {"ecr", "logs", "cloudwatch"}
    assert "*" not in "".join(on_everything)


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
