"""The footer of a lake object: what a range says of itself (I3, I7).

Stored as JSON under the Parquet metadata key `lake`. The verifier, the API and the Glue jobs read
it; the writer adopts by it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from lake_core.errors import UnreadableObject
from lake_core.names import Domain

METADATA_KEY: Final = b"lake"
FORMAT_VERSION: Final = 1


class Footer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Sequence numbers are text as Kinesis gave them; times are milliseconds since 1970 UTC."""

    format_version: int
    schema_version: int
    scoring_version: str
    domain: Domain
    shard: str
    incarnation: str
    first: str  # sequence number of the first record
    last: str  # sequence number of the last record
    after: str | None  # the position the writer had read from; None at TRIM_HORIZON
    first_arrival: int
    last_arrival: int
    records: int  # Kinesis records
    rows: int  # usable entries: the rows of this object
    unusable: int  # entries in quarantine
    payload_bytes: int  # of the entries as they arrived, before any packing
    stream_bytes: int  # of the Kinesis records as they arrived
    quarantine: str | None = None  # key of the object with the unusable entries
    gap_possible: bool = False
    data_bytes: int = 0  # length of the file before its Parquet footer
    data_sha256: str = ""  # of those bytes

    @property
    def entries(self) -> int:
        """All entries of the range, usable or not."""
        return self.rows + self.unusable


class _Version(msgspec.Struct):
    format_version: int


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Footer)
_version_decoder: Final = msgspec.json.Decoder(_Version)


def encode_footer(footer: Footer) -> bytes:
    """Return the metadata value."""
    return _encoder.encode(footer)


def decode_footer(raw: bytes, key: str) -> Footer:
    """Read the metadata value of the object at `key`.

    Raises:
        UnreadableObject: not a footer, or of a newer format than this program knows.
    """
    try:
        version = _version_decoder.decode(raw).format_version
        if version > FORMAT_VERSION:
            raise UnreadableObject(
                f"{key} has format {version}, this program reads up to {FORMAT_VERSION}: "
                "upgrade it first"
            )
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableObject(f"{key} has a broken lake footer: {error}") from error
