"""Fargate tasks as all of the lake's are: ARM64, read-only, without privileges, ended in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from lake_infra.acknowledged import acknowledge
from lake_infra.addresses import LOG_GROUPS, task_role
from lake_infra.permissions import Grant
from lake_infra.roles import make_role
from lake_infra.stages import Size

STOP_SECONDS: Final = 120  # ECS' most on Fargate: a processor hands its leases over within 90
USER: Final = "10001:10001"  # as in the Dockerfiles
LOG_BUFFER: Final = cdk.Size.mebibytes(4)  # then lines are dropped rather than the service blocked
NO_ROWS_IN_LOGS: Final = (
    "logs hold counts, keys and positions, no rows; CloudWatch encrypts them with a key of AWS's"
)
RETENTION: Final = {
    14: logs.RetentionDays.TWO_WEEKS,
    90: logs.RetentionDays.THREE_MONTHS,
}


@dataclass(frozen=True, slots=True)
class Task:
    """What is particular to one of them."""

    name: str
    image: str  # repository in ECR, and the Dockerfile's directory
    command: Sequence[str]
    size: Size
    grants: Sequence[Grant]
    container: str
    environment: Mapping[str, str] = field(default_factory=dict)
    writable: Sequence[str] = ("/tmp",)  # noqa: S108 - a volume of the task's own
    health: Sequence[str] | None = None
    port: int | None = None


class LakeTask(Construct):
    """A task definition with its role and its log group."""

    def __init__(
        self,
        scope: Construct,
        task: Task,
        *,
        image_tag: str,
        execution: iam.IRole,
        log_days: int,
        removal: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, task.name.title().replace("-", ""))
        self.name = task.name
        self.role = make_role(self, task_role(task.name), "ecs-tasks.amazonaws.com", task.grants)
        self.log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"{LOG_GROUPS}/{task.name}",
            retention=RETENTION[log_days],
            removal_policy=removal,
        )
        acknowledge(self.log_group, NO_ROWS_IN_LOGS, checkov=["CKV_AWS_158"])
        self.definition = ecs.FargateTaskDefinition(
            self,
            "Task",
            family=task.name,
            cpu=task.size.cpu,
            memory_limit_mib=task.size.memory,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64,  # 20 % cheaper than x86-64
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
            task_role=self.role,
            execution_role=execution,
        )
        self._add_container(task, image_tag)
        acknowledge(
            self.definition,
            "the variables are names of streams and the bucket; there is no secret in the lake",
            nag=["ECS2"],
        )

    def _add_container(self, task: Task, image_tag: str) -> None:
        repository = ecr.Repository.from_repository_name(self, "Repository", task.image)
        linux = ecs.LinuxParameters(self, "Linux", init_process_enabled=True)
        linux.drop_capabilities(ecs.Capability.ALL)
        container = self.definition.add_container(
            "Container",
            container_name=task.container,
            image=ecs.ContainerImage.from_ecr_repository(repository, image_tag),
            command=list(task.command),
            environment=dict(task.environment) | {"AWS_REGION": cdk.Aws.REGION},
            user=USER,
            readonly_root_filesystem=True,
            linux_parameters=linux,
            stop_timeout=cdk.Duration.seconds(STOP_SECONDS),
            health_check=_health_check(task.health),
            port_mappings=[ecs.PortMapping(container_port=task.port)] if task.port else None,
            logging=ecs.LogDriver.aws_logs(
                log_group=self.log_group,
                stream_prefix=task.container,
                mode=ecs.AwsLogDriverMode.NON_BLOCKING,
                max_buffer_size=LOG_BUFFER,
            ),
        )
        for path in task.writable:
            volume = path.strip("/").replace("/", "-")
            self.definition.add_volume(name=volume)
            container.add_mount_points(
                ecs.MountPoint(container_path=path, source_volume=volume, read_only=False)
            )


def _health_check(command: Sequence[str] | None) -> ecs.HealthCheck | None:
    if command is None:
        return None
    return ecs.HealthCheck(
        command=["CMD", *command],
        interval=cdk.Duration.seconds(30),
        timeout=cdk.Duration.seconds(10),
        retries=3,
        start_period=cdk.Duration.seconds(120),  # a JVM on a quarter of a vCPU
    )
