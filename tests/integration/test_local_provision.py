"""Provisioning against the emulator: idempotent, and it reads back what must exist."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from lake_core.errors import InputError
from lake_core.names import BUCKET, LIVE_TABLE, STREAMS, Domain
from lake_local import aws, emulator
from lake_local.ports import HOST, free_port, require_free
from lake_local.processes import Processes
from lake_local.provision import ProvisionError, provision
from lake_local.settings import Settings
from tests.integration.waiting import eventually


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    directory = tmp_path_factory.mktemp("emulator")
    number = free_port()
    with Processes(directory / "logs") as processes:
        processes.start(emulator.program(number, directory, emulator.system_environment()))
        assert eventually(lambda: emulator.answers(number), 20)
        yield number


@pytest.fixture
def clients(port: int) -> aws.Clients:
    return aws.clients(aws.credentials(emulator.endpoint(port)))


def test_what_the_lake_stands_on_is_there_and_a_second_time_changes_nothing(
    clients: aws.Clients,
) -> None:
    first = provision(clients, Settings())
    stream = STREAMS[Domain.MANUFACTURING]
    created = clients.kinesis.describe_stream_summary(StreamName=stream)[
        "StreamDescriptionSummary"
    ]["StreamCreationTimestamp"]
    assert provision(clients, Settings()) == first
    summary = clients.kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary["StreamCreationTimestamp"] == created
    assert summary["OpenShardCount"] == 2
    assert summary["RetentionPeriodHours"] == 24
    clients.s3.head_bucket(Bucket=BUCKET)
    assert clients.dynamodb.describe_table(TableName=LIVE_TABLE)["Table"]["TableStatus"] == "ACTIVE"


def test_a_longer_retention_is_set_and_a_shorter_one_is_left(clients: aws.Clients) -> None:
    provision(clients, Settings(retention_hours=48))
    provision(clients, Settings())
    summary = clients.kinesis.describe_stream_summary(StreamName=STREAMS[Domain.ECOMMERCE])
    assert summary["StreamDescriptionSummary"]["RetentionPeriodHours"] == 48


def test_a_stream_with_another_number_of_shards_is_named(clients: aws.Clients) -> None:
    provision(clients, Settings())
    with pytest.raises(ProvisionError, match="manufacturing-data-stream has 2 shards, not 5"):
        provision(clients, dataclasses.replace(Settings(), manufacturing_shards=5))


def test_the_emulator_listens_on_this_machine_alone(port: int) -> None:
    listening = [
        line.split()
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    ]
    addresses = {entry[1].split(":")[0] for entry in listening if int(entry[1][-4:], 16) == port}
    assert addresses == {"0100007F"}  # 127.0.0.1


def test_a_port_that_is_taken_is_named_with_its_cure(port: int) -> None:
    with pytest.raises(InputError, match=rf"port {port} for the API.*in use.*PORT=8001"):
        require_free(port, "the API", "choose PORT=8001")
    require_free(free_port(), "the API", "")
    assert HOST == "127.0.0.1"
