"""The state machine: core's definition, with Glue and ECS in the place of its steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from lake_core.names import ETL_JOBS, STATE_MACHINE
from lake_core.orchestration import Step, definition
from lake_infra.acknowledged import acknowledge
from lake_infra.addresses import CLUSTER, ORCHESTRATION_ROLE, arn
from lake_infra.network import LakeNetwork
from lake_infra.permissions import Grant
from lake_infra.roles import make_role, policy_of
from lake_infra.stages import Stage
from lake_infra.tasks import NO_ROWS_IN_LOGS, RETENTION, LakeTask

GLUE_STEP: Final = "arn:aws:states:::glue:startJobRun.sync"
ECS_STEP: Final = "arn:aws:states:::ecs:runTask.sync"
FIRST_PAUSE_SECONDS: Final = 30  # before a step is tried again: Glue takes a minute to start
# The rule by which Step Functions hears of a task's end; AWS makes it under this name.
TASK_RULE: Final = "StepFunctionsGetEventsForECSTaskRule"


class Orchestration(Construct):
    """`data-lake-orchestration` with its role and log."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        stage: Stage,
        *,
        tasks: Mapping[str, LakeTask],
        execution: iam.IRole,
        network: LakeNetwork,
        group_id: str,
    ) -> None:
        super().__init__(scope, name)
        roles = [*(task.role.role_arn for task in tasks.values()), execution.role_arn]
        self._role = make_role(
            self, ORCHESTRATION_ROLE, "states.amazonaws.com", _grants(tasks, roles)
        )
        where = {
            "Subnets": network.task_subnet_ids(),
            "SecurityGroups": [group_id],
            "AssignPublicIp": "ENABLED" if network.public_addresses else "DISABLED",
        }
        steps = {job: Step(GLUE_STEP) for job in ETL_JOBS.values()}
        steps |= {task: Step(ECS_STEP, _run(tasks[task], where)) for task in tasks}
        self.machine = stepfunctions.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=STATE_MACHINE,
            state_machine_type="STANDARD",
            role_arn=self._role.role_arn,
            definition=definition(steps, first_pause_seconds=FIRST_PAUSE_SECONDS),
            logging_configuration=self._logging(stage),
        )
        self.machine.node.add_dependency(policy_of(self._role))
        acknowledge(
            self.machine,
            "the history of an execution says of each step all that a trace would",
            nag=["SF2"],
        )

    def _logging(self, stage: Stage) -> stepfunctions.CfnStateMachine.LoggingConfigurationProperty:
        group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/vendedlogs/states/{STATE_MACHINE}",
            retention=RETENTION[stage.log_days],
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        acknowledge(group, NO_ROWS_IN_LOGS, checkov=["CKV_AWS_158"])
        destination = stepfunctions.CfnStateMachine.LogDestinationProperty(
            cloud_watch_logs_log_group=stepfunctions.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                log_group_arn=group.log_group_arn
            )
        )
        return stepfunctions.CfnStateMachine.LoggingConfigurationProperty(
            destinations=[destination], include_execution_data=False, level="ALL"
        )


def _run(task: LakeTask, where: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Cluster": arn("ecs", f"cluster/{CLUSTER}"),
        "TaskDefinition": task.definition.task_definition_arn,
        "LaunchType": "FARGATE",
        "NetworkConfiguration": {"AwsvpcConfiguration": dict(where)},
    }


def _grants(tasks: Mapping[str, LakeTask], roles: list[str]) -> list[Grant]:
    return [
        Grant(
            "RunJobs",
            ("glue:BatchStopJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:StartJobRun"),
            tuple(arn("glue", f"job/{job}") for job in ETL_JOBS.values()),
        ),
        Grant(
            "RunTasks",
            ("ecs:RunTask",),
            tuple(arn("ecs", f"task-definition/{name}:*") for name in tasks),
            {"ArnEquals": {"ecs:cluster": arn("ecs", f"cluster/{CLUSTER}")}},
            why="any revision of one task definition: each deployment makes a new one",
        ),
        Grant(
            "FollowTasks",
            ("ecs:DescribeTasks", "ecs:StopTask"),
            (arn("ecs", f"task/{CLUSTER}/*"),),
            why="tasks of the lake's own cluster: their ids come with their start",
        ),
        Grant(
            "GiveTasksTheirRoles",
            ("iam:PassRole",),
            tuple(roles),
            {"StringLike": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        ),
        Grant(
            "HearOfTasks",
            ("events:DescribeRule", "events:PutRule", "events:PutTargets"),
            (arn("events", f"rule/{TASK_RULE}"),),
        ),
        Grant("TellOfFailure", ("events:PutEvents",), (arn("events", "event-bus/default"),)),
        Grant(
            "Logs",
            (
                "logs:CreateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:DescribeLogGroups",
                "logs:DescribeResourcePolicies",
                "logs:GetLogDelivery",
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "logs:UpdateLogDelivery",
            ),
            ("*",),
            why="AWS has no resource for log deliveries; Step Functions asks for these as they are",
        ),
    ]
