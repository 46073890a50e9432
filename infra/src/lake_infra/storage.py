"""What holds data: buckets, streams, DynamoDB tables, the Glue database. The stack that is kept."""

from __future__ import annotations

from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_s3 as s3
from constructs import Construct

from lake_core.layout import PROCESSED, RAW
from lake_core.names import STREAMS, Domain
from lake_infra.acknowledged import acknowledge
from lake_infra.addresses import BUCKET_NAME, LOG_BUCKET_ARN, LOG_BUCKET_NAME
from lake_infra.catalog import make_catalog
from lake_infra.stages import Provisioned, Stage
from lake_infra.tables import make_tables

# Below 128 KB, Intelligent-Tiering and IA bill for 128 KB or do not tier at all.
LEAST_TIERED_BYTES: Final = 128 * 1024
INCOMPLETE_UPLOAD_DAYS: Final = 7
ACCESS_LOG_DAYS: Final = 90
ALB_LOGS: Final = "alb"
BUCKET_LOGS: Final = "s3/"
FLOW_LOGS: Final = "flow"


class StorageStack(cdk.Stack):
    """Everything whose loss would be the loss of data."""

    def __init__(self, scope: Construct, name: str, stage: Stage) -> None:
        super().__init__(scope, name, termination_protection=stage.recoverable)
        self._stage = stage
        self._kept = cdk.RemovalPolicy.RETAIN if stage.recoverable else cdk.RemovalPolicy.DESTROY
        logs = self._log_bucket()
        self._bucket(logs)
        for domain, stream in STREAMS.items():
            self._stream(domain, stream)
        make_tables(self, stage)
        make_catalog(self)

    def _log_bucket(self) -> s3.Bucket:
        """Access logs of the lake's bucket, of the load balancer, and refused connections."""
        bucket = s3.Bucket(
            self,
            "Logs",
            bucket_name=LOG_BUCKET_NAME,
            encryption=s3.BucketEncryption.S3_MANAGED,  # what the load balancer can write to
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=cdk.RemovalPolicy.RETAIN,
            lifecycle_rules=[
                s3.LifecycleRule(id="logs-expire", expiration=cdk.Duration.days(ACCESS_LOG_DAYS)),
                _incomplete_uploads(),
            ],
        )
        # The load balancer's logs are kept apart by the account in their keys, without a condition.
        balancers = f"{ALB_LOGS}/AWSLogs/{cdk.Aws.ACCOUNT_ID}/"
        for service, prefix, name, conditions in (
            ("logging.s3", BUCKET_LOGS, "BucketAccess", _OF_THIS_ACCOUNT),
            ("delivery.logs", f"{FLOW_LOGS}/", "RefusedConnections", _OF_THIS_ACCOUNT),
            ("logdelivery.elasticloadbalancing", balancers, "LoadBalancerAccess", {}),
        ):
            bucket.add_to_resource_policy(_deliver(service, prefix, name, conditions))
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LookBeforeDelivery",
                principals=[iam.ServicePrincipal("delivery.logs.amazonaws.com")],
                actions=["s3:GetBucketAcl"],
                resources=[LOG_BUCKET_ARN],
                conditions=_OF_THIS_ACCOUNT,
            )
        )
        acknowledge(
            bucket, "a log of the log bucket would log itself", nag=["S1"], checkov=["CKV_AWS_18"]
        )
        acknowledge(bucket, "logs are written once, and expire", checkov=["CKV_AWS_21"])
        return bucket

    def _bucket(self, logs: s3.Bucket) -> None:
        days = self._stage.old_version_days
        bucket = s3.Bucket(
            self,
            "Lake",
            bucket_name=BUCKET_NAME,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,  # data outlives the stack on every stage
            server_access_logs_bucket=s3.Bucket.from_bucket_name(
                self, "LogTarget", LOG_BUCKET_NAME
            ),
            server_access_logs_prefix=BUCKET_LOGS,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="raw-tiers",
                    prefix=RAW,
                    object_size_greater_than=LEAST_TIERED_BYTES,
                    transitions=[
                        s3.Transition(
                            storage_class=s3.StorageClass.INTELLIGENT_TIERING,
                            transition_after=cdk.Duration.days(0),
                        )
                    ],
                ),
                s3.LifecycleRule(
                    id="processed-expires",
                    prefix=PROCESSED,
                    expiration=cdk.Duration.days(self._stage.processed_days),
                ),
                s3.LifecycleRule(
                    id="old-versions-expire",
                    noncurrent_version_expiration=cdk.Duration.days(days),
                    expired_object_delete_marker=True,
                ),
                _incomplete_uploads(),
            ],
        )
        bucket.node.add_dependency(logs)
        resource = bucket.node.default_child
        if isinstance(resource, s3.CfnBucket):  # CloudFormation's type of it is a text
            resource.add_property_override(
                "LifecycleConfiguration.Rules.0.ObjectSizeGreaterThan", str(LEAST_TIERED_BYTES)
            )

    def _stream(self, domain: Domain, name: str) -> None:
        capacity = self._stage.capacity
        mode: dict[str, Any] = {"stream_mode": kinesis.StreamMode.ON_DEMAND}
        if isinstance(capacity, Provisioned):
            mode = {
                "stream_mode": kinesis.StreamMode.PROVISIONED,
                "shard_count": capacity.shards[domain],
            }
        kinesis.Stream(
            self,
            f"{domain.capitalize()}Stream",
            stream_name=name,
            retention_period=cdk.Duration.hours(self._stage.retention_hours),
            encryption=kinesis.StreamEncryption.MANAGED,
            removal_policy=self._kept,
            **mode,
        )


_OF_THIS_ACCOUNT: Final[dict[str, dict[str, str]]] = {
    "StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}
}


def _incomplete_uploads() -> s3.LifecycleRule:
    return s3.LifecycleRule(
        id="incomplete-uploads-end",
        abort_incomplete_multipart_upload_after=cdk.Duration.days(INCOMPLETE_UPLOAD_DAYS),
    )


def _deliver(
    service: str, prefix: str, name: str, conditions: dict[str, dict[str, str]]
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=name,
        principals=[iam.ServicePrincipal(f"{service}.amazonaws.com")],
        actions=["s3:PutObject"],
        resources=[f"{LOG_BUCKET_ARN}/{prefix}*"],
        conditions=conditions,
    )
