"""What runs on ECS, in the synthesised templates."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lake_core.layout import raw_key
from lake_core.names import API_SERVICE, INGESTOR, LIVE_TABLE, PROCESSORS, STREAMS, Domain
from lake_infra import snapshot
from lake_infra.settings import Settings
from lake_infra.stages import DEV, STAGES
from tests.templates import of_type, only, text
from tests.unit.infra.conftest import Templates

STACK = "data-lake-services"
CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/1"


@pytest.fixture(params=["dev", "prod"])
def stage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def template(stage: str, synthesised: Callable[[str], Templates]) -> dict[str, Any]:
    return synthesised(stage)[STACK]


def containers(template: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for task in of_type(template, "AWS::ECS::TaskDefinition").values():
        for container in task["ContainerDefinitions"]:
            yield task["Family"], container


def services(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {s["ServiceName"]: s for s in of_type(template, "AWS::ECS::Service").values()}


def test_every_task_is_arm64_read_only_and_without_privileges(template: dict[str, Any]) -> None:
    for task in of_type(template, "AWS::ECS::TaskDefinition").values():
        assert task["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
    for _, container in containers(template):
        assert container["ReadonlyRootFilesystem"] is True
        assert container["User"].split(":")[0] not in ("", "0", "root")
        assert container["LinuxParameters"]["InitProcessEnabled"] is True
        assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
        assert container["StopTimeout"] == 120


def test_a_processor_hands_over_before_ecs_kills_it(template: dict[str, Any]) -> None:
    for family, container in containers(template):
        if family in PROCESSORS.values():
            settings = {pair["Name"]: pair["Value"] for pair in container["Environment"]}
            grace = int(settings["PROCESSOR_SHUTDOWN_GRACE_MILLISECONDS"]) / 1000
            assert grace < container["StopTimeout"]
            assert settings["PROCESSOR_DEPLOYED"] == "true"
            assert settings["PROCESSOR_STATE_DIRECTORY"] in {
                mount["ContainerPath"] for mount in container["MountPoints"]
            }


def test_services_are_the_contracts_and_a_bad_deployment_goes_back(
    template: dict[str, Any],
) -> None:
    found = services(template)
    assert set(found) == {*PROCESSORS.values(), API_SERVICE}
    for service in found.values():
        breaker = service["DeploymentConfiguration"]["DeploymentCircuitBreaker"]
        assert breaker == {"Enable": True, "Rollback": True}
        assert "EnableExecuteCommand" not in service


def test_processors_are_on_spot_and_never_more_than_shards(
    stage: str, template: dict[str, Any]
) -> None:
    most = {
        text(target["ResourceId"]).rsplit(".", 1)[0]: target["MaxCapacity"]
        for target in of_type(template, "AWS::ApplicationAutoScaling::ScalableTarget").values()
    }
    for domain, name in PROCESSORS.items():
        strategy = services(template)[name]["CapacityProviderStrategy"]
        assert [item["CapacityProvider"] for item in strategy] == ["FARGATE_SPOT"]
        shards = STAGES[stage].most_tasks(domain)
        limits = [tasks for resource, tasks in most.items() if domain.capitalize() in resource]
        assert limits == ([shards] if shards > 1 else [])


def test_the_ingestor_comes_every_five_minutes_for_each_domain(
    stage: str, template: dict[str, Any]
) -> None:
    schedules = {s["Name"]: s for s in of_type(template, "AWS::Scheduler::Schedule").values()}
    assert set(schedules) == {f"{INGESTOR}-{domain}" for domain in Domain}
    for domain in Domain:
        schedule = schedules[f"{INGESTOR}-{domain}"]
        assert schedule["ScheduleExpression"] == "rate(5 minutes)"
        (override,) = json.loads(text(schedule["Target"]["Input"]))["containerOverrides"]
        words = dict(zip(override["command"][1::2], override["command"][2::2], strict=False))
        assert words["--source"].endswith(raw_key(domain))
        assert words["--stream"] == STREAMS[domain]
        assert int(words["--every"]) == 300
        assert int(words["--rows-per-day"]) == STAGES[stage].rows_per_day[domain]
        assert override["command"][-1] == "--once"


def test_nothing_from_outside_gets_in_unless_it_is_named(template: dict[str, Any]) -> None:
    for group in of_type(template, "AWS::EC2::SecurityGroup").values():
        for rule in group.get("SecurityGroupIngress", []):
            assert "CidrIp" not in rule or isinstance(rule["CidrIp"], dict), rule
    for rule in of_type(template, "AWS::EC2::SecurityGroupIngress").values():
        assert "SourceSecurityGroupId" in rule


def test_no_stack_has_a_lambda_or_a_nat_gateway(
    stage: str, synthesised: Callable[[str], Templates]
) -> None:
    kinds = {
        resource["Type"]
        for template in synthesised(stage).values()
        for resource in template["Resources"].values()
    }
    assert "AWS::EC2::NatGateway" not in kinds
    assert not {kind for kind in kinds if "Lambda" in kind or kind.startswith("Custom::")}


def test_endpoints_are_paid_for_only_where_tasks_have_no_other_way(
    stage: str, template: dict[str, Any]
) -> None:
    endpoints = of_type(template, "AWS::EC2::VPCEndpoint").values()
    paid = [e for e in endpoints if e["VpcEndpointType"] == "Interface"]
    assert bool(paid) == (stage == "prod")


def test_requests_of_one_address_are_limited_where_that_is_paid_for(
    stage: str, template: dict[str, Any]
) -> None:
    limits = of_type(template, "AWS::WAFv2::WebACL")
    assert bool(limits) == (STAGES[stage].waf_requests_per_five_minutes is not None)


def test_with_a_certificate_the_api_speaks_https_to_the_named_networks_alone(
    named: Templates,
) -> None:
    template = named[STACK]
    listener = only(template, "AWS::ElasticLoadBalancingV2::Listener")
    assert listener["Protocol"] == "HTTPS"
    assert listener["Certificates"] == [{"CertificateArn": CERTIFICATE}]
    assert listener["SslPolicy"].startswith("ELBSecurityPolicy-TLS13")
    let_in = [
        (rule["CidrIp"], rule["FromPort"])
        for group in of_type(template, "AWS::EC2::SecurityGroup").values()
        for rule in group.get("SecurityGroupIngress", [])
    ]
    assert let_in == [("203.0.113.7/32", 443)]


def test_without_the_live_view_nothing_of_it_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, programs: Path, dev: Templates
) -> None:
    assert LIVE_TABLE in json.dumps(dev)
    monkeypatch.setitem(STAGES, "dev", dataclasses.replace(DEV, live=False))
    templates = snapshot.templates(Settings(artifacts=programs), tmp_path)
    text = json.dumps(templates)
    assert LIVE_TABLE not in text
    for gone in ("LIVE_TABLE", "ShowLive", "ReadLive", "dynamodb:Query", "TellOfAlerts"):
        assert gone in json.dumps(dev), gone
        assert gone not in text, gone


def test_processors_and_ingestor_tell_cloudwatch_their_metrics(dev: Templates) -> None:
    told = json.dumps(dev["data-lake-services"])
    assert told.count('{"Name": "PROCESSOR_METRICS", "Value": "emf"}') == len(Domain)
    assert told.count('{"Name": "INGESTOR_METRICS", "Value": "emf"}') == 1
