"""`LakeReader` on a directory: a lake that was left on disk, or synchronised from S3."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from analytics_api.lake_reader import StoredObject, Tagged
from lake_core.errors import InputError, UnreadableObject


class DirectoryLake:
    """The objects under a directory, their keys being their paths in it."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise InputError(f"{root} is not a directory of a lake's objects")
        self._root = root

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """See `LakeReader`."""
        files = (path for path in self._root.rglob("*") if path.is_file())
        found = {path.relative_to(self._root).as_posix(): path for path in files}
        for key in sorted(found):
            if key.startswith(prefix) and key > after:
                status = found[key].stat()
                yield StoredObject(key, status.st_size, int(status.st_mtime * 1000))

    def read(self, key: str) -> bytes:
        """See `LakeReader`."""
        try:
            return (self._root / key).read_bytes()
        except OSError as error:
            raise UnreadableObject(f"{key} cannot be read: {error.strerror}") from error

    def read_other(self, key: str, etag: str | None) -> Tagged | None:
        """See `LakeReader`."""
        if not (self._root / key).is_file():
            return None
        body = self.read(key)
        found = hashlib.sha256(body).hexdigest()
        return None if found == etag else Tagged(body, found)
