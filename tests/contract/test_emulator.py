"""What the lake relies on of AWS, held against whatever stands in for it."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.waiting import eventually

WITHIN_SECONDS = 30


@pytest.fixture
def name() -> str:
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def stream(aws: Any, name: str) -> Iterator[str]:
    """A stream of one shard."""
    kinesis = aws.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    yield name
    kinesis.delete_stream(StreamName=name)


def shards(kinesis: Any, stream: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = kinesis.list_shards(StreamName=stream)["Shards"]
    return found


def records_of(kinesis: Any, stream: str, shard: str) -> list[dict[str, Any]]:
    """Read what a shard holds from its beginning, to its end or until nothing more comes."""
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records: list[dict[str, Any]] = []
    for _ in range(20):
        answer = kinesis.get_records(ShardIterator=iterator)
        records += answer["Records"]
        iterator = answer.get("NextShardIterator")
        if iterator is None or not (answer["Records"] or answer["MillisBehindLatest"]):
            return records
    return records


def test_a_shard_is_an_ordered_log(aws: Any, stream: str) -> None:
    kinesis = aws.client("kinesis")
    for i in range(20):
        kinesis.put_record(StreamName=stream, Data=f"{i}".encode(), PartitionKey="k")
    records = records_of(kinesis, stream, shards(kinesis, stream)[0]["ShardId"])
    assert [int(record["Data"]) for record in records] == list(range(20))
    numbers = [int(record["SequenceNumber"]) for record in records]
    assert numbers == sorted(set(numbers))


def test_arrival_times_never_go_back_within_a_shard(aws: Any, stream: str) -> None:
    kinesis = aws.client("kinesis")
    for _ in range(3):
        entries = [{"Data": b"x", "PartitionKey": "k"} for _ in range(10)]
        kinesis.put_records(StreamName=stream, Records=entries)
    records = records_of(kinesis, stream, shards(kinesis, stream)[0]["ShardId"])
    times = [record["ApproximateArrivalTimestamp"] for record in records]
    assert len(times) == 30
    assert times == sorted(times)


def test_a_call_takes_no_more_than_500_records(aws: Any, stream: str) -> None:
    kinesis = aws.client("kinesis")
    entries = [{"Data": b"x", "PartitionKey": "k"} for _ in range(501)]
    with pytest.raises(ClientError):
        kinesis.put_records(StreamName=stream, Records=entries)


def test_a_shard_that_is_split_keeps_what_it_held(aws: Any, stream: str) -> None:
    kinesis = aws.client("kinesis")
    kinesis.put_record(StreamName=stream, Data=b"before", PartitionKey="k")
    (parent,) = shards(kinesis, stream)
    kinesis.split_shard(
        StreamName=stream, ShardToSplit=parent["ShardId"], NewStartingHashKey=str(2**127)
    )
    kinesis.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 1})
    assert len(shards(kinesis, stream)) == 3
    assert [r["Data"] for r in records_of(kinesis, stream, parent["ShardId"])] == [b"before"]
    children = [s for s in shards(kinesis, stream) if s.get("ParentShardId") == parent["ShardId"]]
    assert len(children) == 2


def test_a_condition_keeps_a_second_writer_out(aws: Any, name: str) -> None:
    dynamodb = aws.client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    put = {"TableName": name, "ConditionExpression": "attribute_not_exists(pk)"}
    dynamodb.put_item(Item={"pk": {"S": "a"}, "by": {"S": "first"}}, **put)
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.put_item(Item={"pk": {"S": "a"}, "by": {"S": "second"}}, **put)
    held = dynamodb.get_item(TableName=name, Key={"pk": {"S": "a"}}, ConsistentRead=True)["Item"]
    assert held["by"] == {"S": "first"}
    dynamodb.delete_table(TableName=name)


def test_an_object_is_replaced_only_as_it_was_read(aws: Any, name: str) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=name)
    first = s3.put_object(Bucket=name, Key="k", Body=b"1")["ETag"]
    s3.put_object(Bucket=name, Key="k", Body=b"2", IfMatch=first)
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=name, Key="k", Body=b"late", IfMatch=first)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"2"


def test_a_catalog_refuses_a_change_to_a_version_that_is_gone(aws: Any, name: str) -> None:
    """What Iceberg's commits rely on."""
    glue, table = aws.client("glue"), {"Name": "t", "Parameters": {"at": "1"}}
    glue.create_database(DatabaseInput={"Name": name})
    glue.create_table(DatabaseName=name, TableInput=table)
    read = glue.get_table(DatabaseName=name, Name="t")["Table"]["VersionId"]
    change = {"DatabaseName": name, "TableInput": table, "VersionId": read}
    glue.update_table(**change)
    with pytest.raises(glue.exceptions.ConcurrentModificationException):
        glue.update_table(**change)


def test_both_branches_of_a_workflow_are_done_by_workers(aws: Any, name: str) -> None:
    states = aws.client("stepfunctions")
    activities = [
        states.create_activity(name=f"{name}-{branch}")["activityArn"] for branch in ("a", "b")
    ]
    task = {"Type": "Task", "HeartbeatSeconds": 60, "End": True}
    branches = [{"StartAt": "S", "States": {"S": {**task, "Resource": arn}}} for arn in activities]
    definition = {
        "StartAt": "P",
        "States": {"P": {"Type": "Parallel", "Branches": branches, "End": True}},
    }
    machine = states.create_state_machine(
        name=name, definition=json.dumps(definition), roleArn="arn:aws:iam::000000000000:role/r"
    )["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    for number, arn in enumerate(activities):
        token = states.get_activity_task(activityArn=arn)["taskToken"]
        states.send_task_heartbeat(taskToken=token)
        states.send_task_success(taskToken=token, output=str(number))

    def ended() -> bool:
        return bool(states.describe_execution(executionArn=execution)["status"] == "SUCCEEDED")

    assert eventually(ended, WITHIN_SECONDS)
    assert json.loads(states.describe_execution(executionArn=execution)["output"]) == [0, 1]


def test_a_schedule_fires(aws: Any, name: str) -> None:
    queue = aws.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
    aws.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=f"at({moment:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": f"arn:aws:sqs:us-east-1:000000000000:{name}",
            "RoleArn": "arn:aws:iam::000000000000:role/r",
            "Input": "now",
        },
    )
    sqs = aws.client("sqs")
    assert eventually(
        lambda: bool(sqs.receive_message(QueueUrl=queue).get("Messages")), WITHIN_SECONDS
    )


def test_a_stack_that_is_complete_has_made_its_bucket_with_its_lifecycle(
    aws: Any, name: str
) -> None:
    rule = {"Id": "r", "Status": "Enabled", "ExpirationInDays": 7, "Prefix": "tmp/"}
    template = {
        "Resources": {
            "B": {
                "Type": "AWS::S3::Bucket",
                "Properties": {"BucketName": name, "LifecycleConfiguration": {"Rules": [rule]}},
            }
        }
    }
    made = aws.client("cloudformation")
    made.create_stack(StackName=name, TemplateBody=json.dumps(template))
    made.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    rules = aws.client("s3").get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert rules[0]["Expiration"] == {"Days": 7}
