"""What says how the lake does, in the synthesised templates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lake_core.names import ALERT_EVENT, EVENT_SOURCE, FAILURE_EVENT, STREAMS
from lake_infra.stages import STAGES
from tests.templates import of_type, only, text
from tests.unit.infra.conftest import Templates

STACK = "data-lake-watch"


@pytest.fixture
def template(dev: Templates) -> dict[str, Any]:
    return dev[STACK]


def alarms(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = of_type(template, "AWS::CloudWatch::Alarm").values()
    return {alarm["AlarmName"].removeprefix("multi-source-data-lake-"): alarm for alarm in found}


def test_every_alarm_tells_somebody_when_it_rings_and_when_it_ends(
    template: dict[str, Any],
) -> None:
    assert len(alarms(template)) == 14
    for name, alarm in alarms(template).items():
        assert len(alarm["AlarmActions"]) == len(alarm["OKActions"]) == 1, name
        assert len(alarm["AlarmDescription"]) > 30


def test_it_rings_long_before_records_expire_unread(template: dict[str, Any]) -> None:
    for domain, stream in STREAMS.items():
        alarm = alarms(template)[f"{domain}-behind"]
        assert alarm["Dimensions"] == [{"Name": "StreamName", "Value": stream}]
        assert alarm["Threshold"] < STAGES["dev"].retention_hours * 3_600_000 / 10
        assert alarm["TreatMissingData"] == "breaching", "no figure: nobody reads"


def test_a_workflow_that_does_not_run_at_all_is_noticed(template: dict[str, Any]) -> None:
    alarm = alarms(template)["batch-quiet"]
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["EvaluationPeriods"] == 3


def test_the_metrics_of_quarantine_read_what_processors_log(
    template: dict[str, Any], dev: Templates
) -> None:
    filters = [
        found
        for stack in dev.values()
        for found in of_type(stack, "AWS::Logs::MetricFilter").values()
    ]
    assert len(filters) == 4
    source = Path(__file__).resolve().parents[3] / "services/processor/src/processor"
    said = (source / "lake_store.py").read_text(encoding="utf-8")
    assert '"range %s"' in said
    for one in filters:
        assert one["FilterPattern"] == '{ $.message = "range committed" }'
        (made,) = one["MetricTransformations"]
        assert f'"{made["MetricValue"].removeprefix("$.")}":' in said


def test_events_lead_to_their_topics(template: dict[str, Any]) -> None:
    rules = of_type(template, "AWS::Events::Rule").values()
    patterns = {rule["EventPattern"]["detail-type"][0]: rule for rule in rules}
    assert set(patterns) == {ALERT_EVENT, FAILURE_EVENT}
    for rule in patterns.values():
        assert rule["EventPattern"]["source"] == [EVENT_SOURCE]
        assert len(rule["Targets"]) == 1


def test_whoever_publishes_may_use_the_topics_key(template: dict[str, Any]) -> None:
    key = only(template, "AWS::KMS::Key")
    assert key["EnableKeyRotation"] is True
    users = {
        statement["Principal"].get("Service")
        for statement in key["KeyPolicy"]["Statement"]
        if "kms:Decrypt" in statement["Action"]
    }
    assert users == {"cloudwatch.amazonaws.com", "events.amazonaws.com", "budgets.amazonaws.com"}
    for topic in of_type(template, "AWS::SNS::Topic").values():
        assert "KmsMasterKeyId" in topic


def test_the_budget_is_the_stages(synthesised: Callable[[str], Templates]) -> None:
    for name, stage in STAGES.items():
        budget = only(synthesised(name)[STACK], "AWS::Budgets::Budget")["Budget"]
        assert budget["BudgetLimit"] == {"Amount": stage.budget_usd, "Unit": "USD"}


def test_who_is_named_hears_of_failures_and_not_of_each_machine(named: Templates) -> None:
    subscription = only(named[STACK], "AWS::SNS::Subscription")
    assert subscription["Endpoint"] == "on-call@example.com"
    assert "Failures" in text(subscription["TopicArn"])
