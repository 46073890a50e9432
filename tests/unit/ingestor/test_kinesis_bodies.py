"""The bodies we write are those that boto3 would have written, and answers mean the same."""

from __future__ import annotations

import io
import json
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from ingestor.kinesis_stream import CLIENT_CONFIG, KinesisStream
from ingestor.putter import PutResult
from ingestor.records import OutgoingRecord
from lake_core.errors import InputError, OutcomeUnknown, TransientError

RECORDS = [
    OutgoingRecord(b'{"a": 1}', "7", "shard-0", None, 1, 0),
    OutgoingRecord(bytes(range(256)), 'é"\\', "shard-0", "340282366920938463463", 5, 1),
    OutgoingRecord(b"\xff", "8", "shard-1", None, 1, 6),
]


class Wire:
    """Stands in a socket's place: keeps the requests, and gives one answer."""

    def __init__(self, status: int = 200, answer: bytes = b"") -> None:
        self.status, self.answer = status, answer
        self.requests: list[Any] = []

    def client(self, **options: Any) -> Any:
        client = boto3.client(
            "kinesis", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b",
            **options,
        )  # fmt: skip
        client.meta.events.register("before-send", self._send)
        return client

    def stream(self) -> KinesisStream:
        return KinesisStream(self.client(config=CLIENT_CONFIG), "s")

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        self.requests.append(request)
        raw = io.BytesIO(self.answer)
        raw.stream = lambda **_: iter([self.answer])  # type: ignore[attr-defined] # as urllib3's
        return AWSResponse(request.url, self.status, HTTPHeaders(), raw)


def test_the_request_is_what_boto3_would_have_sent() -> None:
    answer = b'{"FailedRecordCount": 0, "Records": []}'
    ours, theirs = Wire(answer=answer), Wire(answer=answer)
    ours.stream().put(RECORDS)
    theirs.client().put_records(
        StreamName="s",
        Records=[
            {"Data": r.data, "PartitionKey": r.partition_key}
            | ({"ExplicitHashKey": r.hash_key} if r.hash_key else {})
            for r in RECORDS
        ],
    )
    (one,), (other,) = ours.requests, theirs.requests
    assert json.loads(one.body) == json.loads(other.body)
    for header in ("X-Amz-Target", "Content-Type"):
        assert one.headers[header] == other.headers[header]
    assert one.url == other.url
    assert one.headers["Content-Length"] == str(len(one.body))
    assert b"AWS4-HMAC-SHA256" in one.headers["Authorization"]


def test_two_streams_may_share_a_client() -> None:
    wire = Wire(answer=b'{"Records": []}')
    client = wire.client(config=CLIENT_CONFIG)
    for name in ("first", "second"):
        KinesisStream(client, name).put(RECORDS)
    assert [json.loads(request.body)["StreamName"] for request in wire.requests] == [
        "first", "second",
    ]  # fmt: skip


def test_each_record_gets_its_result() -> None:
    results = [
        {"SequenceNumber": "1", "ShardId": "shard-0"},
        {"ErrorCode": "InternalFailure", "ErrorMessage": "…"},
        {"SequenceNumber": "2", "ShardId": "shard-2", "Another": [None]},
    ]
    wire = Wire(answer=json.dumps({"FailedRecordCount": 1, "Records": results}).encode())
    assert wire.stream().put(RECORDS) == [
        PutResult("shard-0", None), PutResult(None, "InternalFailure"), PutResult("shard-2", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "answer", "expected"),
    [
        (400, b'{"__type": "ResourceNotFoundException", "message": "s"}', InputError),
        (400, b'{"__type": "LimitExceededException", "message": "slow"}', TransientError),
        (500, b'{"__type": "InternalFailure"}', OutcomeUnknown),
        (503, b"<html>", OutcomeUnknown),
        (200, b"<html>", OutcomeUnknown),
        (200, b"{}", OutcomeUnknown),
    ],
)
def test_a_refusal_is_told_by_what_it_means(
    status: int, answer: bytes, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        Wire(status, answer).stream().put(RECORDS)
