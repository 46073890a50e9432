"""What the proxy does to requests: the faults of S3, DynamoDB and PutRecords."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any, Final

from tests.faults.proxy import Fault, Forward, Request

# Longer than the processor's read time-out of 20 s, so that its client gives up by itself.
PAST_READ_TIMEOUT_SECONDS: Final = 21.0
CUT_SECONDS: Final = 1.5  # a connection that dies costs a test less time than one that is silent


def _answer(status: int, reason: str, kind: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status} {reason}\r\ncontent-type: {kind}\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


def _s3_error(status: int, code: str) -> bytes:
    body = f"<Error><Code>{code}</Code><Message>injected</Message></Error>".encode()
    return _answer(status, code, "application/xml", body)


S3_ERRORS: Final = (
    _s3_error(500, "InternalError"),
    _s3_error(503, "ServiceUnavailable"),
    _s3_error(503, "SlowDown"),
)


def is_any(_request: Request) -> bool:
    """Every request."""
    return True


def is_put(request: Request) -> bool:
    """Requests that write an object."""
    return request.method == "PUT"


def is_put_records(request: Request) -> bool:
    """Calls that put records on a stream."""
    return request.headers.get("x-amz-target", "").endswith("PutRecords")


def sometimes(
    rng: random.Random, share: float, fault: Fault, *, which: Callable[[Request], bool]
) -> Fault:
    """Apply a fault to a share of some requests; the first of them always meets it."""
    first = True

    async def chosen(request: Request, forward: Forward) -> bytes | None:
        nonlocal first
        if not which(request):
            return await forward(request)
        if first or rng.random() < share:
            first = False
            return await fault(request, forward)
        return await forward(request)

    return chosen


def s3_errors(rng: random.Random) -> Fault:
    """500, 503 and SlowDown, each before anything is applied."""

    async def fault(_request: Request, _forward: Forward) -> bytes | None:
        return rng.choice(S3_ERRORS)

    return fault


def silent_before(rng: random.Random) -> Fault:
    """No answer, and nothing is applied."""
    return _silent(rng, applied=False)


def silent_after(rng: random.Random) -> Fault:
    """Applied, but no answer comes."""
    return _silent(rng, applied=True)


def _silent(rng: random.Random, *, applied: bool) -> Fault:
    async def fault(request: Request, forward: Forward) -> bytes | None:
        if applied:
            await forward(request)
        await asyncio.sleep(PAST_READ_TIMEOUT_SECONDS if rng.random() < 0.1 else CUT_SECONDS)
        return None

    return fault


def late(rng: random.Random) -> Fault:
    """The connection dies, and the request is applied seconds later all the same."""
    landing: set[asyncio.Task[None]] = set()

    async def land(request: Request, forward: Forward) -> None:
        await asyncio.sleep(rng.uniform(0.2, 8.0))
        await forward(request)

    async def fault(request: Request, forward: Forward) -> bytes | None:
        task = asyncio.get_running_loop().create_task(land(request, forward))
        landing.add(task)
        task.add_done_callback(landing.discard)
        return None

    return fault


async def throttled(_request: Request, _forward: Forward) -> bytes | None:
    """DynamoDB refuses everything as too much."""
    body = json.dumps(
        {
            "__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
            "message": "injected",
        }
    ).encode()
    return _answer(400, "Bad Request", "application/x-amz-json-1.0", body)


def unconditional(request: Request) -> None:
    """Switch the conditional write off: the proof that the matrix can go red."""
    if is_put(request):
        request.headers.pop("if-none-match", None)


def partial_failures(rng: random.Random, share: float) -> Fault:
    """PutRecords takes some of the records; the answer names the others as throttled."""

    async def fault(request: Request, forward: Forward) -> bytes | None:
        if not is_put_records(request):
            return await forward(request)
        asked: dict[str, Any] = json.loads(request.body)
        records = asked["Records"]
        refused = {i for i in range(len(records)) if rng.random() < share}
        asked["Records"] = [record for i, record in enumerate(records) if i not in refused]
        taken: list[dict[str, Any]] = []
        if asked["Records"]:
            request.body = json.dumps(asked).encode()
            taken = json.loads((await forward(request)).partition(b"\r\n\r\n")[2])["Records"]
        results = iter(taken)
        error = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "injected"}
        answer = [error if i in refused else next(results) for i in range(len(records))]
        body = json.dumps({"FailedRecordCount": len(refused), "Records": answer}).encode()
        return _answer(200, "OK", "application/x-amz-json-1.1", body)

    return fault
