"""Rows of a CSV that cannot be sent, kept with file, row and reason.

What a lap's object holds depends on the file alone: replaying it again writes the same object, and
a resumed replay keeps what the one before it found.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from typing import Any, Final, Protocol

import msgspec

from ingestor.source import BadRow

IN_MEMORY_BYTES: Final = 1024 * 1024  # more goes to a temporary file


class QuarantinedRow(msgspec.Struct):
    """One line of the object."""

    file: str
    row: int  # 0-based data row
    reason: str
    cells: list[str]


class Bucket(Protocol):
    """The bucket, as far as quarantine needs it."""

    def get_lines(self, key: str) -> Iterable[bytes]:
        """Return the lines of an object; none if there is no object."""
        ...

    def upload(self, key: str, file: Any) -> None:
        """Write an object from an open binary file."""
        ...


class IngestQuarantine:
    """The bad rows of one lap."""

    def __init__(self, bucket: Bucket, key: str, file: str, first_row: int) -> None:
        self._bucket = bucket
        self._key = key
        self._file = file
        self._lines = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - closed by save
        self.count = 0
        if first_row:
            self._keep_rows_before(first_row)

    def add(self, bad: BadRow) -> None:
        """Keep a row. Bytes that were no UTF-8 are written as \\udcNN escapes of their value."""
        cells = [cell.encode("utf-8", "backslashreplace").decode() for cell in bad.cells]
        line = QuarantinedRow(self._file, bad.row, bad.reason, cells)
        self._lines.write(msgspec.json.encode(line) + b"\n")
        self.count += 1

    def save(self) -> None:
        """Write the object, if there is anything to write."""
        if self._lines.tell():
            self._lines.seek(0)
            self._bucket.upload(self._key, self._lines)
        self._lines.close()

    def _keep_rows_before(self, first_row: int) -> None:
        for line in self._bucket.get_lines(self._key):
            if line and msgspec.json.decode(line, type=QuarantinedRow).row < first_row:
                self._lines.write(line + b"\n")
