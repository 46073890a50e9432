"""What local provisioning makes is what the templates say: names, keys, streams, tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lake_core.names import BUCKET, STREAMS
from lake_local import aws, emulator
from lake_local.ports import free_port
from lake_local.processes import Processes
from lake_local.provision import provision
from lake_local.settings import Settings
from tests.iam.deployed import bucket_name, snapshot
from tests.integration.waiting import eventually
from tests.templates import of_type

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
