"""The network of the services: two zones, no NAT gateway, public addresses or endpoints."""

from __future__ import annotations

from typing import Final

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from lake_infra.acknowledged import acknowledge
from lake_infra.addresses import LOG_BUCKET_ARN
from lake_infra.stages import Network
from lake_infra.storage import FLOW_LOGS

ZONES: Final = 2  # what a load balancer asks for
# What tasks without a route to the internet call. S3 and DynamoDB have free gateway endpoints.
ENDPOINTS: Final = {
    "Kinesis": ec2.InterfaceVpcEndpointAwsService.KINESIS_STREAMS,
    "Images": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
    "Registry": ec2.InterfaceVpcEndpointAwsService.ECR,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
    "Events": ec2.InterfaceVpcEndpointAwsService.EVENTBRIDGE,
    "Catalog": ec2.InterfaceVpcEndpointAwsService.GLUE,
}


class LakeNetwork(Construct):
    """The VPC, and where in it tasks stand."""

    def __init__(self, scope: Construct, name: str, network: Network) -> None:
        super().__init__(scope, name)
        private = network is Network.PRIVATE
        public = ec2.SubnetConfiguration(
            name="public",
            subnet_type=ec2.SubnetType.PUBLIC,
            cidr_mask=24,
            map_public_ip_on_launch=False,  # a task says so itself
        )
        tasks = ec2.SubnetConfiguration(
            name="tasks", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24
        )
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr("10.40.0.0/16"),
            max_azs=ZONES,
            nat_gateways=0,
            subnet_configuration=[public, tasks] if private else [public],
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDb": ec2.GatewayVpcEndpointOptions(
                    service=ec2.GatewayVpcEndpointAwsService.DYNAMODB
                ),
            },
        )
        self.public_addresses = not private
        self.task_subnets = ec2.SubnetSelection(
            subnet_type=ec2.SubnetType.PRIVATE_ISOLATED if private else ec2.SubnetType.PUBLIC
        )
        if private:
            self._endpoints()
        self._log_refused()

    def task_subnet_ids(self) -> list[str]:
        """Return the ids of the subnets tasks stand in."""
        return self.vpc.select_subnets(subnet_type=self.task_subnets.subnet_type).subnet_ids

    def _endpoints(self) -> None:
        group = ec2.SecurityGroup(
            self, "Endpoints", vpc=self.vpc, allow_all_outbound=False,
            description="AWS, to the tasks of the lake",
        )  # fmt: skip
        group.add_ingress_rule(
            ec2.Peer.ipv4(self.vpc.vpc_cidr_block), ec2.Port.HTTPS, "tasks of this network"
        )
        acknowledge(group, "the source is this VPC's own range, by reference", nag=["EC23"])
        for name, service in ENDPOINTS.items():
            self.vpc.add_interface_endpoint(
                name, service=service, security_groups=[group], open=False,
                subnets=self.task_subnets,
            )  # fmt: skip

    def _log_refused(self) -> None:
        # An attempt that was refused says something; logs of all traffic cost more than the lake.
        ec2.CfnFlowLog(
            self,
            "Refused",
            resource_id=self.vpc.vpc_id,
            resource_type="VPC",
            traffic_type="REJECT",
            log_destination_type="s3",
            log_destination=f"{LOG_BUCKET_ARN}/{FLOW_LOGS}/",
            max_aggregation_interval=600,
        )
