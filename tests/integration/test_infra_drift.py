"""What local provisioning makes is what the templates say: streams, tables, catalog, workflow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lake_core.names import BUCKET, GLUE_DATABASE, STREAMS
from lake_local import aws, emulator
from lake_local.ports import free_port
from lake_local.processes import Processes
from lake_local.provision import provision
from lake_local.settings import Settings
from tests.iam.deployed import bucket_name, snapshot
from tests.integration.waiting import eventually
from tests.templates import filled, of_type, only

Storage = dict[str, Any]


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[aws.Clients]:
    """An emulator on which the lake is provisioned."""
    directory = tmp_path_factory.mktemp("emulator")
    port = free_port()
    with Processes(directory / "logs") as processes:
        processes.start(emulator.program(port, directory, emulator.system_environment()))
        assert eventually(lambda: emulator.answers(port), 20)
        made = aws.clients(aws.credentials(emulator.endpoint(port)))
        provision(made, Settings())
        yield made


@pytest.fixture(scope="module")
def storage() -> Storage:
    return snapshot("dev")["data-lake-storage"]


def test_the_bucket_has_one_name_and_on_aws_account_and_region_behind_it(
    clients: aws.Clients, storage: Storage
) -> None:
    (local,) = [bucket.get("Name") for bucket in clients.s3.list_buckets()["Buckets"]]
    assert local == BUCKET
    assert bucket_name(storage) == f"{BUCKET}-000000000000-us-east-1"


def test_streams_have_the_same_names_and_keep_records_as_long(
    clients: aws.Clients, storage: Storage
) -> None:
    deployed = {s["Name"]: s for s in of_type(storage, "AWS::Kinesis::Stream").values()}
    assert set(clients.kinesis.list_streams()["StreamNames"]) == set(deployed)
    assert set(deployed) == set(STREAMS.values())
    for name, stream in deployed.items():
        local = clients.kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        assert local["RetentionPeriodHours"] == stream["RetentionPeriodHours"]


def test_tables_of_the_same_name_have_the_same_keys(clients: aws.Clients, storage: Storage) -> None:
    deployed = {t["TableName"]: t for t in of_type(storage, "AWS::DynamoDB::Table").values()}
    local = clients.dynamodb.list_tables()["TableNames"]
    assert local, "nothing was compared"
    for name in local:
        found = clients.dynamodb.describe_table(TableName=name)["Table"]
        assert found.get("KeySchema") == deployed[name]["KeySchema"]
        kinds = {a["AttributeName"]: a["AttributeType"] for a in found["AttributeDefinitions"]}
        for attribute in deployed[name]["AttributeDefinitions"]:
            assert kinds[attribute["AttributeName"]] == attribute["AttributeType"]
        if "TimeToLiveSpecification" in deployed[name]:
            lives = clients.dynamodb.describe_time_to_live(TableName=name)
            wanted = deployed[name]["TimeToLiveSpecification"]["AttributeName"]
            assert lives["TimeToLiveDescription"].get("AttributeName") == wanted


def test_the_catalog_is_the_same(clients: aws.Clients, storage: Storage) -> None:
    deployed = {
        table["TableInput"]["Name"]: filled(table["TableInput"])
        for table in of_type(storage, "AWS::Glue::Table").values()
    }
    local = clients.glue.get_tables(DatabaseName=GLUE_DATABASE)["TableList"]
    assert {table["Name"] for table in local} == set(deployed)
    for table in local:
        text = json.dumps(deployed[table["Name"]]).replace(bucket_name(storage), BUCKET)
        wanted = json.loads(text)
        assert {key: table.get(key) for key in wanted} == wanted


def test_the_workflow_differs_only_in_who_does_its_steps(clients: aws.Clients) -> None:
    (machine,) = clients.states.list_state_machines()["stateMachines"]
    local = clients.states.describe_state_machine(stateMachineArn=machine["stateMachineArn"])
    deployed = only(snapshot("dev")["data-lake-batch"], "AWS::StepFunctions::StateMachine")
    assert machine["name"] == deployed["StateMachineName"]
    held = json.loads(local["definition"])
    assert _without_homes(held) == _without_homes(filled(deployed["Definition"]))


def _without_homes(node: Any) -> Any:
    """Leave out what docs/adr/0005 lets differ: who does a step, heartbeats, pauses."""
    homes = {"HeartbeatSeconds", "IntervalSeconds", "Cluster", "TaskDefinition", "LaunchType"}
    match node:
        case dict():
            kept = {k: v for k, v in node.items() if k not in homes | {"NetworkConfiguration"}}
            if not str(kept.get("Resource", "")).startswith("arn:aws:states:::events:"):
                kept.pop("Resource", None)
            return {key: _without_homes(value) for key, value in kept.items()}
        case list():
            return [_without_homes(value) for value in node]
    return node
