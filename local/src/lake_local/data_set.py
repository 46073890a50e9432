"""The CSVs a lake starts from: a person's own, or generated ones kept in the data directory."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from lake_core.errors import InputError
from lake_core.names import CSV_FILES, Domain
from lake_local import generator
from lake_local.settings import Settings

NOTE_SUFFIX: Final = ".generated.json"


class Note(msgspec.Struct, frozen=True):
    """Beside a generated file: that it is ours, and what it holds."""

    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class GeneratedFile:
    """One domain's generated CSV."""

    domain: Domain
    rows: int
    directory: Path

    @property
    def path(self) -> Path:
        return self.directory / CSV_FILES[self.domain]

    @property
    def _note_path(self) -> Path:
        return self.path.with_name(self.path.name + NOTE_SUFFIX)

    def _note(self) -> Note | None:
        try:
            return msgspec.json.decode(self._note_path.read_bytes(), type=Note)
        except (OSError, msgspec.DecodeError):
            return None

    def ready(self) -> bool:
        """Say whether the file is there, whole and of the wanted size."""
        wanted = self._note()
        return (
            wanted is not None
            and wanted.rows == self.rows
            and self.path.is_file()
            and self.path.stat().st_size == wanted.bytes
        )

    def write(self) -> Path:
        """Write the file unless it is there; a half-written one is never left under its name.

        Raises:
            InputError: another file, not written by this, stands in its place.
        """
        if self.ready():
            return self.path
        if self.path.exists() and self._note() is None:
            raise InputError(
                f"{self.path} was not generated here and would be overwritten; name it with "
                f"{self.domain.upper()}_CSV=… to use it, or move it away"
            )
        self.directory.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            _WRITERS[self.domain](unfinished, self.rows)
            note = Note(self.rows, unfinished.stat().st_size)
            self._note_path.write_bytes(msgspec.json.encode(note))
            unfinished.replace(self.path)
        finally:
            unfinished.unlink(missing_ok=True)
        return self.path


def _manufacturing(path: Path, rows: int) -> None:
    generator.write_manufacturing(path, rows)


def _ecommerce(path: Path, rows: int) -> None:
    generator.write_ecommerce(path, rows)


_WRITERS: Final[dict[Domain, Callable[[Path, int], None]]] = {
    Domain.MANUFACTURING: _manufacturing,
    Domain.ECOMMERCE: _ecommerce,
}


def generated_file(domain: Domain, settings: Settings) -> GeneratedFile:
    """Return the generated file of a domain as the settings want it."""
    rows = {
        Domain.MANUFACTURING: settings.manufacturing_rows,
        Domain.ECOMMERCE: settings.ecommerce_rows,
    }
    return GeneratedFile(domain, rows[domain], settings.data_directory)


def require_readable(path: Path, variable: str) -> None:
    """Refuse a file that cannot be read; what it holds is looked at when it is uploaded.

    Raises:
        InputError: names the file, the reason and the variable that gave it.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist ({variable})")
    if not path.is_file():
        raise InputError(f"{path} is not a file ({variable})")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path} may not be read by this user ({variable}); chmod u+r mends it")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty ({variable})")
