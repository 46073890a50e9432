"""The API's front: a load balancer that lets in whom the deployment names, HTTPS where it can."""

from __future__ import annotations

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from lake_core.names import API_SERVICE
from lake_infra.acknowledged import acknowledge
from lake_infra.addresses import LOG_BUCKET_NAME
from lake_infra.settings import Settings
from lake_infra.stages import Stage
from lake_infra.storage import ALB_LOGS

IDLE_SECONDS: Final = 120  # longer than the heartbeats of a stream of events
DRAIN_SECONDS: Final = 10  # answers take milliseconds


class Front(Construct):
    """Load balancer, listener and, where asked for, a limit to what one address may ask."""

    def __init__(
        self, scope: Construct, name: str, stage: Stage, settings: Settings, vpc: ec2.IVpc
    ) -> None:
        super().__init__(scope, name)
        self._settings = settings
        self._group = ec2.SecurityGroup(
            self, "Group", vpc=vpc, description="who may reach the API", allow_all_outbound=False
        )
        self.api_group = ec2.SecurityGroup(
            self, "ApiGroup", vpc=vpc, description="the API: the load balancer in, HTTPS out",
            allow_all_outbound=False,
        )  # fmt: skip
        self.api_group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.HTTPS, "AWS itself")
        self.balancer = elbv2.ApplicationLoadBalancer(
            self,
            "Balancer",
            load_balancer_name=API_SERVICE,
            vpc=vpc,
            internet_facing=True,
            security_group=self._group,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
            idle_timeout=cdk.Duration.seconds(IDLE_SECONDS),
            drop_invalid_header_fields=True,
            deletion_protection=stage.recoverable,
        )
        for key, value in (
            ("access_logs.s3.enabled", "true"),
            ("access_logs.s3.bucket", LOG_BUCKET_NAME),
            ("access_logs.s3.prefix", ALB_LOGS),
        ):
            self.balancer.set_attribute(key, value)
        if stage.waf_requests_per_five_minutes:
            self._limit(stage.waf_requests_per_five_minutes)

    def serve(self, service: ecs.FargateService, port: int) -> None:
        """Send requests to a service."""
        self._group.add_egress_rule(self.api_group, ec2.Port.tcp(port), "to the API")
        self.api_group.add_ingress_rule(self._group, ec2.Port.tcp(port), "from the load balancer")
        self.target = elbv2.ApplicationTargetGroup(
            self,
            "Target",
            vpc=service.cluster.vpc,
            port=port,
            protocol=elbv2.ApplicationProtocol.HTTP,
            targets=[service],
            deregistration_delay=cdk.Duration.seconds(DRAIN_SECONDS),
            # Not /readyz: a lake without data is healthy, and says 503 to what it cannot answer.
            health_check=elbv2.HealthCheck(path="/healthz", interval=cdk.Duration.seconds(15)),
        )
        listener = self._listen()
        for network in self._settings.api_networks:
            listener.connections.allow_default_port_from(ec2.Peer.ipv4(network), "named network")

    def _listen(self) -> elbv2.ApplicationListener:
        if self._settings.certificate is None:
            listener = self.balancer.add_listener(
                "Http", port=80, protocol=elbv2.ApplicationProtocol.HTTP, open=False,
                default_target_groups=[self.target],
            )  # fmt: skip
            acknowledge(
                listener,
                "no certificate was given; only the networks that the deployment names get here",
                checkov=["CKV_AWS_2", "CKV_AWS_103"],
            )
            return listener
        return self.balancer.add_listener(
            "Https", port=443, protocol=elbv2.ApplicationProtocol.HTTPS, open=False,
            certificates=[elbv2.ListenerCertificate.from_arn(self._settings.certificate)],
            ssl_policy=elbv2.SslPolicy.RECOMMENDED_TLS, default_target_groups=[self.target],
        )  # fmt: skip

    def _limit(self, requests: int) -> None:
        visible = wafv2.CfnWebACL.VisibilityConfigProperty(
            cloud_watch_metrics_enabled=True,
            metric_name=API_SERVICE,
            sampled_requests_enabled=False,
        )
        acl = wafv2.CfnWebACL(
            self,
            "Limit",
            name=API_SERVICE,
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=visible,
            rules=[
                wafv2.CfnWebACL.RuleProperty(
                    name="requests-of-one-address",
                    priority=0,
                    action=wafv2.CfnWebACL.RuleActionProperty(block={}),
                    statement=wafv2.CfnWebACL.StatementProperty(
                        rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                            aggregate_key_type="IP", limit=requests
                        )
                    ),
                    visibility_config=visible,
                )
            ],
        )
        acknowledge(
            acl, "a limit to requests, no filter of contents: nothing behind it is Java",
            checkov=["CKV_AWS_192"],
        )  # fmt: skip
        wafv2.CfnWebACLAssociation(
            self,
            "Limited",
            resource_arn=self.balancer.load_balancer_arn,
            web_acl_arn=acl.attr_arn,
        )
