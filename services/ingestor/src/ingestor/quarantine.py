"""Rows of a CSV that cannot be sent, kept with file, row and reason.

What a lap's object holds depends on the file alone, so replaying it again writes the same object.
A replay of a part of the file writes over its own part and keeps the rest.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from typing import IO, Any, Final, Protocol

import msgspec

from ingestor.source import BadRow
from lake_core.errors import UnreadableObject

IN_MEMORY_BYTES: Final = 1024 * 1024  # more goes to a temporary file


class QuarantinedRow(msgspec.Struct):
    """One line of the object."""

    file: str
    row: int  # 0-based data row
    reason: str
    cells: list[str]


class _RowNumber(msgspec.Struct):
    row: int


class Bucket(Protocol):
    """The bucket, as far as quarantine needs it."""

    def get_lines(self, key: str) -> Iterable[bytes]:
        """Return the lines of an object without their ends; none if there is no object."""
        ...

    def upload(self, key: str, file: Any) -> None:
        """Write an object from an open binary file."""
        ...


class IngestQuarantine:
    """The bad rows of one lap, of those read from `first_row` on."""

    def __init__(self, bucket: Bucket, key: str, file: str, first_row: int) -> None:
        self._bucket = bucket
        self._key = key
        self._file = file
        self._first_row = first_row
        self._lines = _temporary_file()
        self._unsaved = False
        self.count = 0

    def add(self, bad: BadRow) -> None:
        """Keep a row. Bytes that were no UTF-8 are written as \\udcNN escapes of their value."""
        cells = [cell.encode("utf-8", "backslashreplace").decode() for cell in bad.cells]
        line = QuarantinedRow(self._file, bad.row, bad.reason, cells)
        self._lines.write(msgspec.json.encode(line) + b"\n")
        self._unsaved = True
        self.count += 1

    def save(self, next_row: int) -> None:
        """Write the object if there is anything new; `next_row` is the first not yet read.

        Raises:
            UnreadableObject: what stands under the key is no quarantine.
        """
        if not self._unsaved:
            return
        with _temporary_file() as whole:
            self._merge(whole, next_row)
            whole.seek(0)
            self._bucket.upload(self._key, whole)
        self._unsaved = False

    def close(self) -> None:
        """Give the temporary file back."""
        self._lines.close()

    def _merge(self, whole: IO[bytes], next_row: int) -> None:
        """Write the lines that stand before our part of the file, ours, and those behind it."""
        ours_written = False
        for line in self._bucket.get_lines(self._key):
            row = self._row_of(line)
            if row >= self._first_row and not ours_written:
                self._copy_ours(whole)
                ours_written = True
            if not self._first_row <= row < next_row:
                whole.write(line + b"\n")
        if not ours_written:
            self._copy_ours(whole)

    def _copy_ours(self, whole: IO[bytes]) -> None:
        self._lines.seek(0)
        shutil.copyfileobj(self._lines, whole)

    def _row_of(self, line: bytes) -> int:
        try:
            return msgspec.json.decode(line, type=_RowNumber).row
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnreadableObject(f"{self._key} is no quarantine of rows: {error}") from error


def _temporary_file() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)
