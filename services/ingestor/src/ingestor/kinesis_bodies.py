"""PutRecords with bodies that msgspec writes and reads; boto3 does the rest, as always.

Signing, endpoints, errors and connections are botocore's. Its serializer and parser visit each
member of each of 500 records in Python, which costs more than all else a plain record takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingestor.putter import PutResult
from ingestor.records import OutgoingRecord

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient

_OPERATION: Final = "kinesis.PutRecords"
_CONTEXT_KEY: Final = "written_body"
_FIRST_REFUSAL: Final = 300  # of HTTP's status codes
_encoder: Final = msgspec.json.Encoder()


class _Entry(msgspec.Struct, gc=False, omit_defaults=True, rename="pascal"):
    data: bytes
    partition_key: str
    explicit_hash_key: str | None = None


class _Body(msgspec.Struct, rename="pascal"):
    stream_name: str
    records: list[_Entry]


class _Answer(msgspec.Struct, rename="pascal"):
    records: list[PutResult]


_decoder: Final = msgspec.json.Decoder(_Answer)


def install(client: KinesisClient) -> None:
    """Take over the bodies of a client's PutRecords; it must not validate parameters."""
    for event, handler in (
        ("before-parameter-build", _write), ("before-call", _replace), ("before-parse", _read),
    ):  # fmt: skip
        client.meta.events.register(f"{event}.{_OPERATION}", handler, unique_id=f"bodies-{event}")


def put_records(
    client: KinesisClient, stream: str, records: Sequence[OutgoingRecord]
) -> list[PutResult]:
    """Put records by a client whose bodies are taken over.

    Raises:
        botocore's errors; msgspec.DecodeError: the answer is none of PutRecords.
    """
    given: Any = records
    answer: Any = client.put_records(StreamName=stream, Records=given)
    results: list[PutResult] = answer["Records"]
    return results


def _write(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    records: Sequence[OutgoingRecord] = params["Records"]
    entries = [_Entry(one.data, one.partition_key, one.hash_key) for one in records]
    context[_CONTEXT_KEY] = _encoder.encode(_Body(params["StreamName"], entries))
    params["Records"] = []


def _replace(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    params["body"] = context.pop(_CONTEXT_KEY)


def _read(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any
) -> None:
    if response_dict["status_code"] < _FIRST_REFUSAL:
        customized_response_dict["Records"] = _decoder.decode(response_dict["body"]).records
        response_dict["body"] = b"{}"
