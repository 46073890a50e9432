"""What things of the lake are called on AWS: names and ARNs, made from core's names alone.

Account, region and partition are CloudFormation's pseudo parameters: one template fits any.
"""

from __future__ import annotations

from typing import Final

from aws_cdk import Aws

from lake_core.names import BUCKET, PROCESSORS, STATE_MACHINE, STREAMS, Domain

BUCKET_NAME: Final = f"{BUCKET}-{Aws.ACCOUNT_ID}-{Aws.REGION}"
LOG_BUCKET_NAME: Final = f"{BUCKET}-logs-{Aws.ACCOUNT_ID}-{Aws.REGION}"
BUCKET_ARN: Final = f"arn:{Aws.PARTITION}:s3:::{BUCKET_NAME}"
LOG_BUCKET_ARN: Final = f"arn:{Aws.PARTITION}:s3:::{LOG_BUCKET_NAME}"
CLUSTER: Final = BUCKET
LOG_GROUPS: Final = f"/{BUCKET}"
GLUE_LOGS: Final = f"{LOG_GROUPS}/glue"
GLUE_ROLE: Final = "glue-etl-role"
CRAWLER_ROLE: Final = "glue-crawler-role"
ORCHESTRATION_ROLE: Final = "step-functions-orchestration-role"
# KCL's own tables beside the leases, as `processor.daemon` names them.
LEASE_KEY: Final = "leaseKey"
COORDINATOR_STATE: Final = "CoordinatorState"
WORKER_METRICS: Final = "WorkerMetricStats"


def arn(service: str, resource: str) -> str:
    """Return the ARN of a regional resource of this account."""
    return f"arn:{Aws.PARTITION}:{service}:{Aws.REGION}:{Aws.ACCOUNT_ID}:{resource}"


def role_arn(name: str) -> str:
    """Return the ARN of a role of this account."""
    return f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/{name}"


def objects(*keys: str) -> list[str]:
    """Return the ARNs of objects of the lake; a key may hold `*`."""
    return [f"{BUCKET_ARN}/{key}" for key in keys]


def stream_arn(domain: Domain) -> str:
    """Return the ARN of a domain's stream."""
    return arn("kinesis", f"stream/{STREAMS[domain]}")


def table_arn(name: str) -> str:
    """Return the ARN of a DynamoDB table."""
    return arn("dynamodb", f"table/{name}")


def kcl_tables(domain: Domain) -> dict[str, str]:
    """Return KCL's tables of a domain and the name of each one's key, a string."""
    leases = PROCESSORS[domain]
    return {
        leases: LEASE_KEY,
        f"{leases}-{COORDINATOR_STATE}": "key",
        f"{leases}-{WORKER_METRICS}": "wid",
    }


def task_role(task: str) -> str:
    """Return the name of a task's role."""
    return f"{task}-role"


STATE_MACHINE_ARN: Final = arn("states", f"stateMachine:{STATE_MACHINE}")
