"""`analytics/<subject>/current.json`: which version of state and insights counts.

It is written last, under the tag it had when it was read, so what it names is always there, and of
two tasks at once none takes it back to an older version.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

import msgspec

from lake_core.errors import UnreadableObject
from lake_core.names import Domain

FORMAT_VERSION: Final = 1
CODE_VERSION: Final = version("lake-analytics-api")


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """What a version was made from: a snapshot of a curated table."""

    domain: Domain
    table: str
    snapshot_id: str | None  # text, for a number of 63 bits; None: the table is empty
    table_updated_at: int  # milliseconds since 1970 UTC, by the table's metadata: it only grows
    rows: int  # events counted, each identity once
    rows_expected: int  # what its positions say: rows of the ranges without their duplicates


class Current(msgspec.Struct, frozen=True, kw_only=True):
    """A version. Keys are those of the bucket; `state` is None for the integrated insights."""

    version: str
    inputs: tuple[Input, ...]
    state: str | None
    state_format: int | None
    insights: str
    scoring_version: str
    made_at: str
    code_version: str = CODE_VERSION
    run_id: str | None = None
    format_version: int = FORMAT_VERSION

    def is_behind(self, other: Current) -> bool:
        """Whether it was made from anything older than `other` was: it must not replace that."""
        mine = {one.domain: one.table_updated_at for one in self.inputs}
        return any(mine.get(one.domain, -1) < one.table_updated_at for one in other.inputs)


_decoder: Final = msgspec.json.Decoder(Current)


class _Line(msgspec.Struct):
    format_version: int


def encode_current(current: Current) -> bytes:
    """Return the object's content."""
    return msgspec.json.format(msgspec.json.encode(current))


def decode_current(content: bytes, key: str) -> Current:
    """Read it back.

    Raises:
        UnreadableObject: damaged, or of a newer format than this program knows.
    """
    try:
        format_version = msgspec.json.decode(content, type=_Line).format_version
        if format_version > FORMAT_VERSION:
            raise UnreadableObject(
                f"{key} has format {format_version}, this program reads up to {FORMAT_VERSION}: "
                "upgrade it first"
            )
        return _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableObject(f"{key} cannot be read: {error}") from error
