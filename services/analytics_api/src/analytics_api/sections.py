"""A file of named frames with a header, versioned, and checked by its digest.

One line of JSON (format, lengths, SHA-256 of all that follows), the header as JSON, then each frame
as a compressed Arrow stream.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from typing import Final

import msgspec
import polars as pl

from lake_core.errors import UnreadableObject

_NEWLINE: Final = b"\n"


class _Line(msgspec.Struct):
    format_version: int


class _Contents(msgspec.Struct):
    format_version: int
    sha256: str
    header_bytes: int
    frames: dict[str, int]  # name → bytes, in the order they follow


def pack(format_version: int, header: bytes, frames: Mapping[str, pl.DataFrame]) -> bytes:
    """Return the bytes of a header and frames."""
    streams = {name: _stream(frame) for name, frame in frames.items()}
    body = b"".join([header, *streams.values()])
    lengths = {name: len(stream) for name, stream in streams.items()}
    digest = hashlib.sha256(body).hexdigest()
    line = msgspec.json.encode(_Contents(format_version, digest, len(header), lengths))
    return line + _NEWLINE + body


def unpack(
    content: bytes, where: str, newest_format: int, cure: str
) -> tuple[bytes, dict[str, pl.DataFrame]]:
    """Return header and frames.

    Raises:
        UnreadableObject: damaged, or of a newer format than `newest_format`; says the cure.
    """
    line, _, body = content.partition(_NEWLINE)
    try:
        version = msgspec.json.decode(line, type=_Line).format_version
        if version > newest_format:
            raise UnreadableObject(
                f"{where} has format {version}, this program reads up to {newest_format}: {cure}"
            )
        contents = msgspec.json.decode(line, type=_Contents)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableObject(f"{where} does not begin as a state does: {error}") from error
    if hashlib.sha256(body).hexdigest() != contents.sha256:
        raise UnreadableObject(f"{where} has been altered: it does not match its digest")
    frames, begin = {}, contents.header_bytes
    for name, length in contents.frames.items():
        frames[name] = pl.read_ipc_stream(io.BytesIO(body[begin : begin + length]))
        begin += length
    return body[: contents.header_bytes], frames


def _stream(frame: pl.DataFrame) -> bytes:
    sink = io.BytesIO()
    # The form that every Arrow reads: a state may be looked at with other tools.
    frame.write_ipc_stream(sink, compression="zstd", compat_level=pl.CompatLevel.oldest())
    return sink.getvalue()
