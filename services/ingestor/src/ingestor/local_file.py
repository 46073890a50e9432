"""A file on this machine that must stay the same for as long as it is replayed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from lake_core.errors import InputError


class LocalFile:
    """Opens a file again and again: another content under its name would bear a false identity."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None

    def open(self) -> BinaryIO:
        """Open the file for reading from its beginning.

        Raises:
            InputError: it cannot be read, or is not what it was when first opened.
        """
        try:
            file = self._path.open("rb")
        except OSError as error:
            raise InputError(f"{self._path} cannot be read: {error.strerror}") from error
        found = os.fstat(file.fileno())
        now = (found.st_ino, found.st_size, found.st_mtime_ns)
        if self._seen not in (None, now):
            file.close()
            raise InputError(f"{self._path} was changed while it was replayed; start anew")
        self._seen = now
        return file
