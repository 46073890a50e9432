"""The batch side: Glue jobs, crawlers, analytics tasks, the workflow and its clock. A stack."""

from __future__ import annotations

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_glue as glue
from aws_cdk import aws_logs as logs
from constructs import Construct

from lake_core.layout import processed_prefix
from lake_core.names import (
    ANALYTICS_TASKS,
    CRAWLERS,
    ETL_JOBS,
    GLUE_DATABASE,
    INTEGRATION_TASK,
    STATE_MACHINE,
    Domain,
)
from lake_core.orchestration import CONTAINER, TASK_ARGUMENTS
from lake_infra import permissions
from lake_infra.acknowledged import acknowledge
from lake_infra.addresses import BUCKET_NAME, CRAWLER_ROLE, GLUE_LOGS, GLUE_ROLE
from lake_infra.artifacts import Artifacts
from lake_infra.orchestration import Orchestration
from lake_infra.permissions import Grant
from lake_infra.programs import GluePrograms
from lake_infra.registry import repository
from lake_infra.roles import make_role, policy_of
from lake_infra.schedules import Schedules
from lake_infra.services import ServicesStack
from lake_infra.settings import Settings
from lake_infra.stages import Stage
from lake_infra.tasks import NO_ROWS_IN_LOGS, RETENTION, LakeTask, Task

GLUE_VERSION: Final = "5.1"  # Spark 3.5, Iceberg 1.10
WORKER: Final = "G.1X"  # 4 vCPU, 16 GB; one holds a day of 100M events
JOB_MINUTES: Final = 55  # below the workflow's own limit of 60, so that Glue says what was slow
ETL_EVERY_MINUTES: Final = 60


class BatchStack(cdk.Stack):
    """Everything that runs by the hour."""

    def __init__(
        self, scope: Construct, name: str, stage: Stage, settings: Settings, services: ServicesStack
    ) -> None:
        super().__init__(scope, name)
        self._stage = stage
        self._settings = settings
        self._services = services
        self._jobs()
        self._crawlers()
        tasks = {
            ANALYTICS_TASKS[domain]: self._task(
                ANALYTICS_TASKS[domain], permissions.analytics_task(domain)
            )
            for domain in Domain
        }
        tasks[INTEGRATION_TASK] = self._task(INTEGRATION_TASK, permissions.data_integration())
        orchestration = Orchestration(
            self,
            "Orchestration",
            stage,
            tasks=tasks,
            execution=services.execution,
            network=services.network,
            group_id=services.tasks_group.security_group_id,
        )
        Schedules(self, "Schedules", suffix="-batch").execution(
            STATE_MACHINE,
            every_minutes=ETL_EVERY_MINUTES,
            state_machine_arn=orchestration.machine.attr_arn,
        )

    def _jobs(self) -> None:
        role = make_role(
            self, GLUE_ROLE, "glue.amazonaws.com", permissions.glue_etl(), construct="GlueRole",
            for_this_account=False,
        )  # fmt: skip
        for stream in ("error", "output"):
            group = logs.LogGroup(
                self,
                f"Glue{stream.capitalize()}",
                log_group_name=f"{GLUE_LOGS}/{stream}",
                retention=RETENTION[self._stage.log_days],
                removal_policy=cdk.RemovalPolicy.DESTROY,
            )
            acknowledge(group, NO_ROWS_IN_LOGS, checkov=["CKV_AWS_158"])
        programs = GluePrograms(self, Artifacts(self._settings.artifacts))
        modules = programs.modules()
        for domain, job in ETL_JOBS.items():
            made = glue.CfnJob(
                self,
                job.title().replace("_", ""),
                name=job,
                description=f"new ranges of {domain} into the curated tables",
                role=role.role_arn,
                glue_version=GLUE_VERSION,
                worker_type=WORKER,
                number_of_workers=self._stage.glue_workers,  # with auto scaling: at most
                timeout=JOB_MINUTES,
                max_retries=0,  # the workflow tries again, and says so
                execution_property=glue.CfnJob.ExecutionPropertyProperty(max_concurrent_runs=1),
                command=glue.CfnJob.JobCommandProperty(
                    name="glueetl", python_version="3", script_location=programs.script(job)
                ),
                default_arguments={
                    "--bucket": BUCKET_NAME,
                    "--region": cdk.Aws.REGION,
                    "--datalake-formats": "iceberg",
                    "--additional-python-modules": modules,
                    "--enable-auto-scaling": "true",
                    "--enable-metrics": "false",
                    # Else they go to groups of Glue's own, which keep everything for ever.
                    "--custom-logGroup-prefix": GLUE_LOGS,
                    # The position travels with the rows (docs/adr/0005); a bookmark would be a
                    # second truth.
                    "--job-bookmark-option": "job-bookmark-disable",
                },
            )
            made.node.add_dependency(policy_of(role))
            acknowledge(
                made,
                "logs hold counts and keys of objects; they are encrypted with a key of AWS's, and "
                "bookmarks are off",
                nag=["GL1", "GL3"],
                checkov=["CKV_AWS_195"],
            )

    def _crawlers(self) -> None:
        role = make_role(
            self, CRAWLER_ROLE, "glue.amazonaws.com", permissions.crawler(),
            construct="CrawlerRole", for_this_account=False,
        )  # fmt: skip
        for domain, name in CRAWLERS.items():
            crawler = glue.CfnCrawler(
                self,
                name.title().replace("_", ""),
                name=name,
                description="started by hand: what the objects hold, against what core declares",
                role=role.role_arn,
                database_name=GLUE_DATABASE,
                table_prefix=f"audit_{domain}_",
                targets=glue.CfnCrawler.TargetsProperty(
                    s3_targets=[
                        glue.CfnCrawler.S3TargetProperty(
                            path=f"s3://{BUCKET_NAME}/{processed_prefix(domain)}",
                            sample_size=10,  # objects of a folder: all have one schema
                        )
                    ]
                ),
                schema_change_policy=glue.CfnCrawler.SchemaChangePolicyProperty(
                    update_behavior="LOG", delete_behavior="LOG"
                ),
            )
            crawler.node.add_dependency(policy_of(role))
            acknowledge(
                crawler,
                "a crawler's log names tables and partitions; it is encrypted with a key of AWS's",
                nag=["GL1"],
                checkov=["CKV_AWS_195"],
            )

    def _task(self, name: str, grants: list[Grant]) -> LakeTask:
        return LakeTask(
            self,
            Task(
                name,
                repository("analytics_api"),
                TASK_ARGUMENTS[name],
                self._stage.analytics,
                grants,
                container=CONTAINER,
                environment={"ANALYTICS_API_BUCKET": BUCKET_NAME},
            ),
            image_tag=self._settings.image_tag,
            execution=self._services.execution,
            log_days=self._stage.log_days,
            removal=cdk.RemovalPolicy.DESTROY,
        )
