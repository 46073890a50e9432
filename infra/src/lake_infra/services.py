"""What runs all the time or by the clock on ECS: processors, API, ingestor. A stack."""

from __future__ import annotations

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from lake_core.layout import raw_key
from lake_core.names import API_SERVICE, INGESTOR, LIVE_TABLE, PROCESSORS, STREAMS, Domain
from lake_infra import permissions
from lake_infra.acknowledged import acknowledge
from lake_infra.addresses import BUCKET_NAME, CLUSTER
from lake_infra.execution import execution_role
from lake_infra.front import Front
from lake_infra.network import LakeNetwork
from lake_infra.registry import repository
from lake_infra.scaling import scale_api, scale_processor
from lake_infra.schedules import Schedules
from lake_infra.settings import Settings
from lake_infra.stages import Stage
from lake_infra.tasks import LakeTask, Task

API_PORT: Final = 8000
INGEST_EVERY_SECONDS: Final = 300
# Hand-over ends before ECS kills: stopTimeout is 120 s.
SHUTDOWN_GRACE_MILLISECONDS: Final = 90_000
STATE: Final = "/state"
_HEALTHZ: Final = (
    "import urllib.request; "
    f"urllib.request.urlopen('http://127.0.0.1:{API_PORT}/healthz', timeout=5)"
)


class ServicesStack(cdk.Stack):
    """Network, cluster, and the parts that follow the streams and answer."""

    def __init__(self, scope: Construct, name: str, stage: Stage, settings: Settings) -> None:
        super().__init__(scope, name)
        self._stage = stage
        self._settings = settings
        self.network = LakeNetwork(self, "Network", stage.network)
        self.cluster = ecs.Cluster(
            self,
            "Cluster",
            cluster_name=CLUSTER,
            vpc=self.network.vpc,
            enable_fargate_capacity_providers=True,
            container_insights_v2=ecs.ContainerInsights.ENABLED
            if stage.recoverable
            else ecs.ContainerInsights.DISABLED,
        )
        if not stage.recoverable:
            acknowledge(
                self.cluster,
                "Container Insights costs more than a small stage's tasks; iterator age and the "
                "load balancer's metrics say what the alarms need",
                nag=["ECS4"],
                checkov=["CKV_AWS_65"],
            )
        self.tasks_group = ec2.SecurityGroup(
            self, "Tasks", vpc=self.network.vpc,
            description="tasks that nobody calls: nothing in, HTTPS out", allow_all_outbound=False,
        )  # fmt: skip
        self.tasks_group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.HTTPS, "AWS itself")
        self.execution = execution_role(self, "services-execution-role")
        self.processors = {domain: self._processor(domain) for domain in Domain}
        self.api_task, self.front = self._api()
        self._ingestor()
        scheme = "https" if settings.certificate else "http"
        # What docs/operations.md asks for.
        for output, value in {
            "ApiAddress": f"{scheme}://{self.front.balancer.load_balancer_dns_name}",
            "TaskSubnets": cdk.Fn.join(",", self.network.task_subnet_ids()),
            "TaskSecurityGroup": self.tasks_group.security_group_id,
            "TaskPublicIp": "ENABLED" if self.network.public_addresses else "DISABLED",
        }.items():
            cdk.CfnOutput(self, output, value=value)

    def task(self, task: Task) -> LakeTask:
        """Make a task definition of this deployment."""
        return LakeTask(
            self,
            task,
            image_tag=self._settings.image_tag,
            execution=self.execution,
            log_days=self._stage.log_days,
            removal=cdk.RemovalPolicy.DESTROY,
        )

    def _processor(self, domain: Domain) -> LakeTask:
        name = PROCESSORS[domain]
        task = self.task(
            Task(
                name,
                repository("processor"),
                ["run"],
                self._stage.processor,
                permissions.processor(domain, live=self._stage.live),
                container="processor",
                environment={
                    "PROCESSOR_STREAM": STREAMS[domain],
                    "PROCESSOR_BUCKET": BUCKET_NAME,
                    "PROCESSOR_STATE_DIRECTORY": STATE,
                    "PROCESSOR_SHUTDOWN_GRACE_MILLISECONDS": str(SHUTDOWN_GRACE_MILLISECONDS),
                    "PROCESSOR_METRICS": "emf",
                    "PROCESSOR_DEPLOYED": "true",
                    **({"PROCESSOR_LIVE_TABLE": LIVE_TABLE} if self._stage.live else {}),
                },
                writable=(STATE, "/tmp"),  # noqa: S108 - a volume of the task's own
                health=["python", "-m", "processor", "healthy"],
            )
        )
        provider = "FARGATE_SPOT" if self._stage.spot else "FARGATE"
        service = ecs.FargateService(
            task,
            "Service",
            service_name=name,
            cluster=self.cluster,
            task_definition=task.definition,
            desired_count=1,
            capacity_provider_strategies=[
                ecs.CapacityProviderStrategy(capacity_provider=provider, weight=1)
            ],
            # The old one hands over while the new one takes: two workers at once are safe (I4).
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            vpc_subnets=self.network.task_subnets,
            assign_public_ip=self.network.public_addresses,
            security_groups=[self.tasks_group],
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
        )
        scale_processor(service, STREAMS[domain], self._stage.most_tasks(domain))
        return task

    def _api(self) -> tuple[LakeTask, Front]:
        task = self.task(
            Task(
                API_SERVICE,
                repository("analytics_api"),
                ["serve"],
                self._stage.api,
                permissions.analytics_api(live=self._stage.live),
                container="api",
                environment={
                    "ANALYTICS_API_BUCKET": BUCKET_NAME,
                    **({"ANALYTICS_API_LIVE_TABLE": LIVE_TABLE} if self._stage.live else {}),
                    "ANALYTICS_API_HOST": "0.0.0.0",  # noqa: S104 - in a container, behind its group
                    "ANALYTICS_API_PORT": str(API_PORT),
                    # A look is a listing or two: at 5 s half a million requests a month.
                    "ANALYTICS_API_POLL_SECONDS": "5",
                },
                health=["python", "-c", _HEALTHZ],
                port=API_PORT,
            )
        )
        front = Front(self, "Front", self._stage, self._settings, self.network.vpc)
        service = ecs.FargateService(
            task,
            "Service",
            service_name=API_SERVICE,
            cluster=self.cluster,
            task_definition=task.definition,
            desired_count=self._stage.api_tasks[0],
            capacity_provider_strategies=[
                ecs.CapacityProviderStrategy(capacity_provider="FARGATE", weight=1)
            ],
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            vpc_subnets=self.network.task_subnets,
            assign_public_ip=self.network.public_addresses,
            security_groups=[front.api_group],
            health_check_grace_period=cdk.Duration.minutes(3),
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
        )
        front.serve(service, API_PORT)
        scale_api(service, self._stage.api_tasks)
        return task, front

    def _ingestor(self) -> None:
        task = self.task(
            Task(
                INGESTOR,
                repository("ingestor"),
                [],
                self._stage.ingestor,
                permissions.ingestor(),
                container="ingestor",
                environment={"INGESTOR_BUCKET": BUCKET_NAME, "INGESTOR_METRICS": "emf"},
            )
        )
        schedules = Schedules(self, "Schedules")
        for domain in Domain:
            schedules.task(
                f"{INGESTOR}-{domain}",
                every_minutes=INGEST_EVERY_SECONDS // 60,
                cluster=self.cluster,
                task=task,
                network=self.network,
                group=self.tasks_group,
                container="ingestor",
                command=self._replay(domain),
            )

    def _replay(self, domain: Domain) -> list[str]:
        return [
            "replay",
            "--source", f"s3://{BUCKET_NAME}/{raw_key(domain)}",
            "--stream", STREAMS[domain],
            "--every", str(INGEST_EVERY_SECONDS),
            "--rows-per-day", str(self._stage.rows_per_day[domain]),
            "--packing", "ndjson-zstd",
            "--once",
        ]  # fmt: skip
