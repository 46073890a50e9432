"""What holds data, in the synthesised templates."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk.assertions import Match, Template

from lake_core.catalog import processed_table
from lake_core.names import GLUE_DATABASE, LIVE_TABLE, STREAMS, Domain
from lake_infra.stages import STAGES
from tests.templates import filled, of_type, only, text
from tests.unit.infra.conftest import Templates

STACK = "data-lake-storage"


@pytest.fixture(params=["dev", "prod"])
def stage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def template(stage: str, request: pytest.FixtureRequest) -> dict[str, Any]:
    templates: Templates = request.getfixturevalue(stage)
    return templates[STACK]


def lake_bucket(template: dict[str, Any]) -> dict[str, Any]:
    buckets = of_type(template, "AWS::S3::Bucket").values()
    return next(bucket for bucket in buckets if "LoggingConfiguration" in bucket)


def rules(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {rule["Id"]: rule for rule in lake_bucket(template)["LifecycleConfiguration"]["Rules"]}


def test_no_object_of_processed_ends_before_its_stream_does(
    stage: str, template: dict[str, Any]
) -> None:
    (days,) = [
        rule["ExpirationInDays"]
        for rule in rules(template).values()
        if rule.get("Prefix", "").startswith("processed/")
    ]
    for stream in of_type(template, "AWS::Kinesis::Stream").values():
        assert stream["RetentionPeriodHours"] >= 24
        assert days * 24 > stream["RetentionPeriodHours"], stage
    others = [r for r in rules(template).values() if "ExpirationInDays" in r]
    assert len(others) == 1, "nothing but processed/ expires while it is current"


def test_small_objects_are_not_tiered(template: dict[str, Any]) -> None:
    rule = rules(template)["raw-tiers"]
    assert rule["Prefix"] == "raw/"
    assert int(rule["ObjectSizeGreaterThan"]) == 131072


def test_what_no_listing_shows_is_cleaned_up(template: dict[str, Any]) -> None:
    assert rules(template)["incomplete-uploads-end"]["AbortIncompleteMultipartUpload"]
    assert rules(template)["old-versions-expire"]["NoncurrentVersionExpiration"]


def test_buckets_are_closed_encrypted_and_refuse_plain_http(template: dict[str, Any]) -> None:
    for bucket in of_type(template, "AWS::S3::Bucket").values():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["BucketEncryption"]
    assert lake_bucket(template)["VersioningConfiguration"] == {"Status": "Enabled"}
    for policy in of_type(template, "AWS::S3::BucketPolicy").values():
        refusals = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
        assert any(s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}} for s in refusals)


def test_the_bucket_with_the_data_stays_when_the_stack_goes(template: dict[str, Any]) -> None:
    Template.from_json(template).has_resource(
        "AWS::S3::Bucket",
        {
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {"LoggingConfiguration": Match.any_value()},
        },
    )


def test_streams_are_the_contracts_encrypted_and_without_paid_metrics(
    stage: str, template: dict[str, Any]
) -> None:
    streams = of_type(template, "AWS::Kinesis::Stream").values()
    assert {stream["Name"] for stream in streams} == set(STREAMS.values())
    for stream in streams:
        assert stream["StreamEncryption"] == {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}
        assert "DesiredShardLevelMetrics" not in stream
        assert stream["StreamModeDetails"] == {"StreamMode": "PROVISIONED"}
        domain = next(d for d in Domain if STREAMS[d] == stream["Name"])
        assert stream["ShardCount"] == STAGES[stage].most_tasks(domain)


def test_tables_are_billed_by_request(template: dict[str, Any]) -> None:
    tables = {t["TableName"]: t for t in of_type(template, "AWS::DynamoDB::Table").values()}
    assert len(tables) == 7
    assert {table["BillingMode"] for table in tables.values()} == {"PAY_PER_REQUEST"}
    live = tables[LIVE_TABLE]["TimeToLiveSpecification"]
    assert live == {"AttributeName": "expires", "Enabled": True}


def test_the_catalog_is_cores_and_holds_no_iceberg_table(template: dict[str, Any]) -> None:
    assert only(template, "AWS::Glue::Database")["DatabaseInput"]["Name"] == GLUE_DATABASE
    tables = {t["TableInput"]["Name"]: t for t in of_type(template, "AWS::Glue::Table").values()}
    bucket = text(lake_bucket(template)["BucketName"])
    for domain in Domain:
        wanted = processed_table(domain, bucket)
        assert filled(tables.pop(wanted["Name"])["TableInput"]) == wanted
    assert not tables
