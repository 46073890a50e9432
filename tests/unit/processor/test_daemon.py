"""The daemon's configuration says what docs/operations.md promises."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from lake_core.errors import SettingsError
from lake_core.settings import load
from processor import daemon, health
from processor.settings import PREFIX, Settings

ENVIRONMENT = {
    "PROCESSOR_STREAM": "manufacturing-data-stream",
    "PROCESSOR_BUCKET": "b",
    "PROCESSOR_STATE_DIRECTORY": "/state",
}
EMULATOR = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "x",
}


def settings(**changes: str) -> Settings:
    return load(Settings, PREFIX, ENVIRONMENT | changes)


def parsed(text: str) -> dict[str, str]:
    return dict(line.split(" = ", 1) for line in text.splitlines())


def test_the_application_belongs_to_one_incarnation_and_the_table_has_a_fixed_name() -> None:
    made = parsed(daemon.properties(settings(), "20261123T181500123Z", EMULATOR))
    assert made["applicationName"] == "manufacturing-data-processor-20261123T181500123Z"
    assert made["tableName"] == "manufacturing-data-processor"
    assert made["coordinatorStateTableName"] == "manufacturing-data-processor-CoordinatorState"


def test_fast_failover_is_pinned() -> None:
    made = parsed(daemon.properties(settings(), "i", EMULATOR))
    assert made["clientVersionConfig"] == "CLIENT_VERSION_CONFIG_COMPATIBLE_WITH_2X"
    assert int(made["inMemoryWorkerMetricsCaptureFrequencyMillis"]) > 10**12
    assert made["failoverTimeMillis"] == "3000"


def test_a_stop_leaves_time_to_hand_over() -> None:
    made = parsed(daemon.properties(settings(), "i", EMULATOR))
    assert int(made["shutdownGraceMillis"]) >= 20_000


def test_endpoints_are_named_only_where_there_is_an_emulator() -> None:
    assert parsed(daemon.properties(settings(), "i", EMULATOR))["kinesisEndpoint"]
    on_aws = parsed(daemon.properties(settings(), "i", {"AWS_REGION": "eu-west-1"}))
    assert "kinesisEndpoint" not in on_aws
    assert on_aws["AWSCredentialsProvider"] == "DefaultCredentialsProvider"


def test_a_worker_without_a_stable_name_gets_one_from_kcl() -> None:
    assert "workerId" not in parsed(daemon.properties(settings(), "i", EMULATOR))
    named = settings(PROCESSOR_WORKER_ID="w")
    assert parsed(daemon.properties(named, "i", EMULATOR))["workerId"] == "w"


def test_the_log_configuration_is_well_formed() -> None:
    root = ET.fromstring(daemon.logback())  # noqa: S314 - reads our own text
    levels = {logger.get("name", ""): logger.get("level") for logger in root.iter("logger")}
    assert levels["software.amazon.kinesis.multilang.DrainChildSTDERRTask"] == "OFF"


def test_cbor_is_off_for_emulators_only() -> None:
    def command(*, emulator: bool) -> list[str]:
        return daemon.java_command(settings(), Path("/s"), Path("/j"), emulator=emulator)

    assert "-Daws.cborEnabled=false" in command(emulator=True)
    assert "-Daws.cborEnabled=false" not in command(emulator=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROCESSOR_STREAM", "weather-stream"),
        ("PROCESSOR_RULE_SET", "none"),
        ("PROCESSOR_MAX_ROWS", "-1"),
        ("PROCESSOR_MAXROWS", "5"),
    ],
)
def test_a_wrong_setting_stops_the_start_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        settings(**{name: value})


def test_a_silent_child_is_unhealthy_and_a_worker_without_leases_is_not(tmp_path: Path) -> None:
    assert health.problem(tmp_path, now=1000.0) is None
    file = tmp_path / "shardId-000000000000"
    file.touch()
    os.utime(file, (1000, 1000))
    assert health.problem(tmp_path, now=1000.0 + health.STALE_SECONDS - 1) is None
    found = health.problem(tmp_path, now=1000.0 + health.STALE_SECONDS + 1)
    assert found is not None
    assert "shardId-000000000000" in found
    assert "has not started" in (health.problem(tmp_path / "none", now=0.0) or "")
