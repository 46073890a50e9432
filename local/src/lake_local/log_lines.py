"""Reads the parts' logs: JSON lines as they come in, and the last ones in a person's form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

TAIL_BYTES: Final = 64 * 1024
MAX_WIDTH: Final = 400
_ROUTINE: Final = {"time", "service", "message", "level", "logger"}


def decode(line: bytes) -> dict[str, Any] | None:
    """Return a log line's object; None for a line that is none."""
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


class LogTail:
    """Follows one log file by its complete lines."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0

    def new_lines(self) -> Iterator[dict[str, Any]]:
        """Yield the JSON lines that were added since the last look."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                added = file.read()
        except FileNotFoundError:
            return
        complete = added[: added.rfind(b"\n") + 1]
        self._position += len(complete)
        for line in complete.splitlines():
            if (entry := decode(line)) is not None:
                yield entry


def last_lines(path: Path, count: int, start: int = 0) -> list[str]:
    """Return the last lines of a log from byte `start` on, in a person's form."""
    lines = _tail(path, start)
    return [readable(line) for line in lines[-count:] if line.strip()]


def last_entry(path: Path, start: int = 0) -> dict[str, Any] | None:
    """Return the last JSON line of a log from byte `start` on."""
    entries = (decode(line) for line in reversed(_tail(path, start)))
    return next((entry for entry in entries if entry is not None), None)


def _tail(path: Path, start: int) -> list[bytes]:
    try:
        with path.open("rb") as file:
            file.seek(max(start, path.stat().st_size - TAIL_BYTES))
            return file.read().splitlines()
    except OSError:
        return []


def readable(line: bytes) -> str:
    """Return `level: message (key=value …)` of a JSON line, another line as it is."""
    entry = decode(line)
    if entry is None:
        return line.decode(errors="replace")[:MAX_WIDTH]
    message = entry.get("message") or entry.get("formattedMessage") or ""
    exception = str(entry.get("exception", "")).strip().rsplit("\n", 1)[-1]
    extra = ", ".join(
        f"{key}={value}"
        for key, value in entry.items()
        if key not in _ROUTINE | {"exception", "formattedMessage"}
    )
    parts = [f"{entry.get('level', 'info')}: {message}", f"({extra})" if extra else "", exception]
    return " ".join(part for part in parts if part)[:MAX_WIDTH]
