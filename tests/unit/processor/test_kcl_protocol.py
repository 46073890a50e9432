"""The daemon's protocol, over real pipes."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from processor.kcl_protocol import (
    Daemon,
    Initialize,
    LeaseLost,
    ProcessRecords,
    ProtocolError,
    ShardEnded,
    ShutdownRequested,
)


class Pipes:
    """The daemon's ends of the two pipes."""

    def __init__(self) -> None:
        self.child_read, self.write = os.pipe()
        self.read, self.child_write = os.pipe()
        self.daemon = Daemon(self.child_read, self.child_write)

    def say(self, *messages: Any) -> None:
        for message in messages:
            os.write(self.write, json.dumps(message).encode() + b"\n")

    def hear(self) -> list[Any]:
        return [json.loads(line) for line in os.read(self.read, 65536).splitlines() if line]

    def hang_up(self) -> None:
        os.close(self.write)


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    made = Pipes()
    yield made
    for descriptor in (made.child_read, made.read, made.child_write):
        os.close(descriptor)


RECORD = {
    "action": "record",
    "data": base64.b64encode(b'{"a":1}').decode(),
    "partitionKey": "39",
    "sequenceNumber": "000000017954591323610000000004",
    "subSequenceNumber": 0,
    "approximateArrivalTimestamp": 1795459132361,
}


def test_every_message_is_understood_and_the_end_of_input_ends_them(pipes: Pipes) -> None:
    pipes.say(
        {"action": "initialize", "shardId": "shardId-0", "sequenceNumber": "TRIM_HORIZON",
         "subSequenceNumber": 0},
        {"action": "processRecords", "records": [RECORD], "millisBehindLatest": 7},
        {"action": "leaseLost"},
        {"action": "shardEnded"},
        {"action": "shutdownRequested"},
    )  # fmt: skip
    pipes.hang_up()
    messages = list(pipes.daemon.messages(lambda: 1))
    assert [type(message) for message in messages] == [
        Initialize,
        ProcessRecords,
        LeaseLost,
        ShardEnded,
        ShutdownRequested,
    ]
    start, records = messages[:2]
    assert isinstance(start, Initialize)
    assert start.position is None
    assert isinstance(records, ProcessRecords)
    assert records.records[0].data == b'{"a":1}'
    assert records.records[0].sequenceNumber == RECORD["sequenceNumber"]
    assert records.millisBehindLatest == 7


def test_a_checkpoint_is_a_position() -> None:
    assert Initialize("s", "0000123").position == "0000123"
    assert Initialize("s", None).position is None


def test_silence_is_a_tick(pipes: Pipes) -> None:
    messages = pipes.daemon.messages(lambda: 0.01)
    assert next(messages) is None
    pipes.say({"action": "leaseLost"})
    assert isinstance(next(messages), LeaseLost)


def test_a_line_may_come_in_pieces_and_be_larger_than_any_buffer(pipes: Pipes) -> None:
    big = RECORD | {"data": base64.b64encode(b"x" * 40_000).decode()}
    line = json.dumps({"action": "processRecords", "records": [big]}).encode()
    messages = pipes.daemon.messages(lambda: 5)
    for start in range(0, len(line), 7000):
        os.write(pipes.write, line[start : start + 7000])
    os.write(pipes.write, b"\n")
    message = next(messages)
    assert isinstance(message, ProcessRecords)
    assert len(message.records[0].data) == 40_000


def test_an_acknowledgement_names_the_message(pipes: Pipes) -> None:
    pipes.daemon.acknowledge(ShardEnded())
    assert pipes.hear() == [{"action": "status", "responseFor": "shardEnded"}]


def test_a_checkpoint_is_explicit_and_answered(pipes: Pipes) -> None:
    pipes.say({"action": "checkpoint", "error": None})
    assert pipes.daemon.checkpoint("42") is True
    assert pipes.hear() == [
        {"action": "checkpoint", "sequenceNumber": "42", "subSequenceNumber": None}
    ]


@pytest.mark.parametrize("error", ["ShutdownException", "ThrottlingException"])
def test_a_lost_lease_or_a_busy_table_is_no_failure(pipes: Pipes, error: str) -> None:
    pipes.say({"action": "checkpoint", "error": error})
    assert pipes.daemon.checkpoint("42") is False


def test_an_invalid_state_is_a_failure(pipes: Pipes) -> None:
    pipes.say({"action": "checkpoint", "error": "InvalidStateException"})
    with pytest.raises(ProtocolError, match="InvalidStateException"):
        pipes.daemon.checkpoint("42")


def test_another_message_instead_of_the_answer_is_a_failure(pipes: Pipes) -> None:
    pipes.say({"action": "leaseLost"})
    with pytest.raises(ProtocolError, match="no answer"):
        pipes.daemon.checkpoint("42")


def test_a_line_that_is_no_message_is_a_failure(pipes: Pipes) -> None:
    os.write(pipes.write, b"hello\n")
    with pytest.raises(ProtocolError, match="hello"):
        next(pipes.daemon.messages(lambda: 1))
