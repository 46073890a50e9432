"""What EventBridge Scheduler starts by the clock, each in a role of its own."""

from __future__ import annotations

import json
from typing import Any, Final

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from lake_core.names import BUCKET
from lake_infra.addresses import CLUSTER, arn
from lake_infra.network import LakeNetwork
from lake_infra.permissions import Grant
from lake_infra.roles import make_role
from lake_infra.tasks import LakeTask

# A tick that could not be started is worth less than the next one.
RETRIES: Final = 2
OLDEST_SECONDS: Final = 240
SERVICE: Final = "scheduler.amazonaws.com"


class Schedules(Construct):
    """A group of schedules."""

    def __init__(self, scope: Construct, name: str, *, suffix: str = "") -> None:
        super().__init__(scope, name)
        self.group = f"{BUCKET}{suffix}"
        self._group = scheduler.CfnScheduleGroup(self, "Group", name=self.group)

    def task(
        self,
        name: str,
        *,
        every_minutes: int,
        cluster: ecs.ICluster,
        task: LakeTask,
        network: LakeNetwork,
        group: ec2.ISecurityGroup,
        container: str,
        command: list[str],
    ) -> None:
        """Start a task with a command of its own, every so many minutes."""
        execution = task.definition.execution_role
        if execution is None:
            raise TypeError(f"{task.name} has no execution role")
        role = make_role(
            self,
            f"{name}-schedule-role",
            SERVICE,
            [
                Grant(
                    "StartTask",
                    ("ecs:RunTask",),
                    (arn("ecs", f"task-definition/{task.name}:*"),),
                    {"ArnEquals": {"ecs:cluster": arn("ecs", f"cluster/{CLUSTER}")}},
                    why="any revision of one task definition: each deployment makes a new one",
                ),
                Grant(
                    "GiveItItsRoles",
                    ("iam:PassRole",),
                    (task.role.role_arn, execution.role_arn),
                    {"StringLike": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
                ),
            ],
            construct=f"{name}-role",
        )
        parameters = scheduler.CfnSchedule.EcsParametersProperty(
            task_definition_arn=task.definition.task_definition_arn,
            task_count=1,
            launch_type="FARGATE",
            network_configuration=scheduler.CfnSchedule.NetworkConfigurationProperty(
                awsvpc_configuration=scheduler.CfnSchedule.AwsVpcConfigurationProperty(
                    subnets=network.task_subnet_ids(),
                    security_groups=[group.security_group_id],
                    assign_public_ip="ENABLED" if network.public_addresses else "DISABLED",
                )
            ),
        )
        overrides = {"containerOverrides": [{"name": container, "command": command}]}
        self._schedule(
            name,
            f"rate({every_minutes} minutes)",
            target_arn=cluster.cluster_arn,
            role_arn=role.role_arn,
            ecs_parameters=parameters,
            input=json.dumps(overrides),
        )

    def execution(self, name: str, *, every_minutes: int, state_machine_arn: str) -> None:
        """Start a state machine, every so many minutes."""
        role = make_role(
            self,
            f"{name}-schedule-role",
            SERVICE,
            [Grant("StartExecution", ("states:StartExecution",), (state_machine_arn,))],
            construct=f"{name}-role",
        )
        self._schedule(
            name,
            f"rate({every_minutes} minutes)",
            target_arn=state_machine_arn,
            role_arn=role.role_arn,
            input="{}",
        )

    def _schedule(self, name: str, expression: str, **target: Any) -> None:
        retry = scheduler.CfnSchedule.RetryPolicyProperty(
            maximum_event_age_in_seconds=OLDEST_SECONDS, maximum_retry_attempts=RETRIES
        )
        schedule = scheduler.CfnSchedule(
            self,
            name,
            name=name,
            group_name=self.group,
            schedule_expression=expression,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=target.pop("target_arn"), retry_policy=retry, **target
            ),
        )
        schedule.node.add_dependency(self._group)
