"""The emulator, keeping of each request who asked for what: `python -m tests.iam.recorder FILE`.

In front of its application rather than of its port, for the KCL speaks HTTP/2 to Kinesis. Who asks
is the access key: each part of the lake gets one of its own.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, Any, Final

import msgspec

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
# Names of resources stand at any place of a body; of what is put to a stream all is kept.
LARGEST_BODY: Final = 8 * 1024 * 1024
_CREDENTIAL: Final = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_KEPT_HEADERS: Final = ("x-amz-target", "if-match", "x-amz-copy-source")


class Seen(msgspec.Struct):
    """A request and the status of its answer."""

    key: str
    service: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str
    status: int


def recording(application: Application, log: IO[bytes]) -> Application:
    """Return the application with every signed request written to a file, a line each."""

    async def recorded(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        body = bytearray()
        status = 0

        async def listened() -> Message:
            message = await receive()
            if len(body) < LARGEST_BODY:
                body.extend(message.get("body", b""))
            return message

        async def said(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            await send(message)

        await application(scope, listened, said)
        if seen := _seen(scope, bytes(body), status):
            log.write(msgspec.json.encode(seen) + b"\n")

    return recorded


def _seen(scope: Message, body: bytes, status: int) -> Seen | None:
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
    signed = _CREDENTIAL.search(headers.get("authorization", ""))
    if signed is None:
        return None
    service = signed[3]
    of_an_object = service == "s3" and scope["method"] != "POST"
    return Seen(
        key=signed[1],
        service=service,
        method=scope["method"],
        path=scope.get("raw_path", scope["path"].encode()).decode("latin-1"),
        query=scope["query_string"].decode(),
        headers={name: headers[name] for name in _KEPT_HEADERS if name in headers},
        body="" if of_an_object else body.decode("utf-8", errors="replace"),
        status=status,
    )


def main(path: Path) -> None:
    """Serve until ended."""
    with path.open("ab", buffering=0) as log:
        ministack: Any = importlib.import_module("ministack.app")  # it has no types
        ministack.app = recording(ministack.app, log)
        ministack.main()


if __name__ == "__main__":
    main(Path(sys.argv.pop(1)))
