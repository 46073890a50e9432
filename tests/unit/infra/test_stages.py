"""A stage cannot say what the lake's guarantees do not allow."""

from __future__ import annotations

import dataclasses

import pytest

from lake_core.errors import SettingsError
from lake_core.names import Domain
from lake_core.settings import load
from lake_infra.settings import PREFIX, Settings
from lake_infra.stages import DEV, PROD, STAGES, OnDemand, Stage


def test_objects_of_processed_outlive_the_stream_by_a_margin() -> None:
    with pytest.raises(SettingsError, match=r"processed_days is 7.*at least 8 days"):
        dataclasses.replace(DEV, retention_hours=24, processed_days=7)
    with pytest.raises(SettingsError, match="at least 14 days"):
        dataclasses.replace(PROD, processed_days=13)


@pytest.mark.parametrize("hours", [0, 23, 8761])
def test_a_retention_that_i8_or_kinesis_refuses_is_named(hours: int) -> None:
    with pytest.raises(SettingsError, match="24 to 8760"):
        dataclasses.replace(DEV, retention_hours=hours, processed_days=1000)


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_every_stage_has_a_task_for_each_shard_and_no_more(stage: Stage) -> None:
    assert {stage.most_tasks(domain) for domain in Domain} <= {1, 2}
    free = OnDemand(dict.fromkeys(Domain, 8))
    assert dataclasses.replace(stage, capacity=free).most_tasks(Domain.ECOMMERCE) == 8


@pytest.mark.parametrize(
    ("name", "value", "cure"),
    [
        ("STAGE", "staging", "expected one of dev, prod"),
        ("IMAGE_TAG", "a b", "not a tag"),
        ("API_NETWORKS", "my house", "API_NETWORKS"),
        ("CERTIFICATE", "cert.pem", "ARN of a certificate"),
        ("ALARM_EMAIL", "me", "e-mail"),
        ("STAG", "dev", "INFRA_STAG is not a setting"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named_with_its_cure(
    name: str, value: str, cure: str
) -> None:
    with pytest.raises(SettingsError, match=cure):
        load(Settings, PREFIX, {f"{PREFIX}{name}": value})


def test_networks_are_read_by_comma() -> None:
    settings = load(Settings, PREFIX, {"INFRA_API_NETWORKS": "203.0.113.7/32, 198.51.100.0/24"})
    assert settings.api_networks == ("203.0.113.7/32", "198.51.100.0/24")
