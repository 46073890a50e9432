"""The emulator with a gate before its records: until it is opened, every read of Kinesis is empty.

So a rival starts, takes its shards and loads what it needs while nothing counts, on a stream that
is full already. `GATE_DIRECTORY` holds the files by which it is told: `shards` says how many have
been read from, `open` opens the gate, `first_read` is when a record was first asked for after that.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

Application = Callable[..., Awaitable[None]]


class Gated:
    """An ASGI application around the emulator's."""

    def __init__(self, application: Application, directory: Path) -> None:
        self._application, self._directory = application, directory
        self._iterators: set[str] = set()
        self._opened = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer GetRecords while the gate is closed; all else is the emulator's."""
        if not self._opened and _is_read(scope):
            if not (self._directory / "open").exists():
                await self._answer_with_nothing(receive, send)
                return
            self._opened = True
            (self._directory / "first_read").write_text(repr(time.time()))
        await self._application(scope, receive, send)

    async def _answer_with_nothing(self, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event.get("body", b""), event.get("more_body", False)
        iterator = json.loads(body)["ShardIterator"]
        if iterator not in self._iterators:
            self._iterators.add(iterator)
            (self._directory / "shards").write_text(str(len(self._iterators)))
        answer = {"Records": [], "NextShardIterator": iterator, "MillisBehindLatest": 0}
        content_type = (b"content-type", b"application/x-amz-json-1.1")
        await send({"type": "http.response.start", "status": 200, "headers": [content_type]})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


def _is_read(scope: Any) -> bool:
    if scope["type"] != "http":
        return False
    return bool(dict(scope["headers"]).get(b"x-amz-target", b"").endswith(b".GetRecords"))


def main() -> None:
    """Serve."""
    emulator: Any = import_module("ministack.app")
    emulator.app = Gated(emulator.app, Path(os.environ["GATE_DIRECTORY"]))
    emulator.main()


if __name__ == "__main__":
    main()
