"""The emulator, noting when the first record was asked for: `GET_RECORDS_NOTE` names the file.

A rival's clock starts when Kinesis is first read from, not when its process starts; that moment
is seen by the emulator alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

Application = Callable[..., Awaitable[None]]


class Noting:
    """An ASGI application around the emulator's."""

    def __init__(self, application: Application, note: Path) -> None:
        self._application, self._note, self._noted = application, note, False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Note a first GetRecords; all else is the emulator's."""
        if not self._noted and scope["type"] == "http":
            target = dict(scope["headers"]).get(b"x-amz-target", b"")
            if target.endswith(b"GetRecords") or scope["path"].endswith("/GetRecords"):
                self._noted = True
                self._note.write_text(repr(time.time()))
        await self._application(scope, receive, send)


def main() -> None:
    """Serve."""
    emulator: Any = import_module("ministack.app")
    emulator.app = Noting(emulator.app, Path(os.environ["GET_RECORDS_NOTE"]))
    emulator.main()


if __name__ == "__main__":
    main()
