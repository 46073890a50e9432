"""A lake object as bytes: Parquet in the encodings measured in docs/performance.md, and back."""

from __future__ import annotations

import hashlib
import io
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from lake_core.arrow import lake_schema
from lake_core.errors import UnreadableObject
from lake_core.footer import METADATA_KEY, Footer, decode_footer, encode_footer
from lake_core.schema import IDENTITY_COLUMNS, SCHEMA_VERSION

# Most of what zstd is given are bits packed already, with which more effort gains nothing; it does
# with text, and with the dictionaries of floats that have thousands of values.
COMPRESSION_LEVEL: Final = 1
TEXT_COMPRESSION_LEVEL: Final = 5
FLOATS_COMPRESSION_LEVEL: Final = 6
_MANY_FLOATS: Final = frozenset({"temperature", "vibration", "humidity", "purchase_amount"})
# Each page costs a header, and numbers its words with no more bits than those so far need.
PAGE_ROWS: Final = 34_000
# A file's least and greatest value cost time and bytes. They help who asks for some days; every
# file has all machines and scores.
_BOUNDED: Final = frozenset({"timestamp", "time_of_purchase"})
# Growing numbers cost next to nothing as differences; sequence numbers share their beginnings.
_ENCODINGS: Final = {
    "timestamp": "DELTA_BINARY_PACKED",
    "event_row": "DELTA_BINARY_PACKED",
    "ingest_timestamp": "DELTA_BINARY_PACKED",
    "arrival_timestamp": "DELTA_BINARY_PACKED",
    "record_index": "DELTA_BINARY_PACKED",
    "sequence_number": "DELTA_BYTE_ARRAY",
}

# What a damaged file makes pyarrow raise: its own errors, and those of names that are not UTF-8.
_BROKEN: Final = (pa.ArrowException, ValueError, OSError)


def encode_object(table: pa.Table, footer: Footer) -> bytes:
    """Return the Parquet file of a range, its footer completed with the digest of the data."""
    schema = _required(table.schema)
    encodings = _encodings(schema)
    sink = io.BytesIO()
    # The stubs of pyarrow know neither lists of columns nor metadata as bytes.
    options: dict[str, Any] = {
        "compression": "zstd",
        "compression_level": {field.name: _level(field) for field in schema},
        "use_dictionary": [name for name in schema.names if name not in encodings],
        "column_encoding": encodings,
        "write_statistics": [name for name in schema.names if name in _BOUNDED],
        "max_rows_per_page": PAGE_ROWS,
        "store_schema": False,
    }
    with pq.ParquetWriter(sink, schema, **options) as writer:
        writer.write_table(pa.Table.from_arrays(table.columns, schema=schema))
        data = sink.getvalue()
        digest = hashlib.sha256(data).hexdigest()
        done = msgspec.structs.replace(footer, data_bytes=len(data), data_sha256=digest)
        metadata: dict[Any, Any] = {METADATA_KEY: encode_footer(done)}
        writer.add_key_value_metadata(metadata)
    return sink.getvalue()


def _required(schema: pa.Schema) -> pa.Schema:
    """Return the schema with null where an event may lack a value only: a quarter less time."""
    return pa.schema([field.with_nullable(field.name in IDENTITY_COLUMNS) for field in schema])


def _level(field: pa.Field[Any]) -> int:
    if field.name in _MANY_FLOATS:
        return FLOATS_COMPRESSION_LEVEL
    text = pa.types.is_dictionary(field.type) or pa.types.is_string(field.type)
    return TEXT_COMPRESSION_LEVEL if text else COMPRESSION_LEVEL


def _encodings(schema: pa.Schema) -> dict[str, str]:
    """Return the encodings of the columns that are not to have a dictionary."""
    return {
        field.name: _ENCODINGS[field.name]
        for field in schema
        if field.name in _ENCODINGS and not pa.types.is_dictionary(field.type)
    }


def read_footer(source: Any, key: str) -> Footer:
    """Read the footer of a lake object from its bytes or a seekable file.

    Raises:
        UnreadableObject: not a Parquet file, or one without a lake footer.
    """
    try:
        metadata = pq.read_metadata(_reader(source))
    except _BROKEN as error:
        raise UnreadableObject(f"{key} is not a readable Parquet file: {error}") from error
    raw = (metadata.metadata or {}).get(METADATA_KEY)
    if raw is None:
        raise UnreadableObject(f"{key} has no lake footer: this lake did not write it")
    return decode_footer(raw, key)


def read_object(source: bytes, key: str) -> tuple[pa.Table, Footer]:
    """Read a lake object: its rows, and its footer checked against them.

    Raises:
        UnreadableObject: altered, truncated, or its footer does not fit its rows.
    """
    footer = read_footer(source, key)
    if hashlib.sha256(memoryview(source)[: footer.data_bytes]).hexdigest() != footer.data_sha256:
        raise UnreadableObject(f"{key} has been altered: its data do not match their digest")
    wanted = lake_schema(footer.domain)
    try:
        stored = set(pq.read_schema(_reader(source)).names)
        table = pq.read_table(_reader(source), schema=wanted)
    except _BROKEN as error:
        raise UnreadableObject(f"{key} cannot be read: {error}") from error
    missing = [name for name in wanted.names if name not in stored]
    if missing and footer.schema_version >= SCHEMA_VERSION:
        # Parquet reads a column that is not there as nulls; only an older writer may lack one.
        raise UnreadableObject(f"{key} has been altered: it has no column {', '.join(missing)}")
    if table.num_rows != footer.rows:
        raise UnreadableObject(f"{key} has {table.num_rows} rows, its footer says {footer.rows}")
    return table, footer


def _reader(source: Any) -> Any:
    return pa.BufferReader(source) if isinstance(source, bytes | memoryview) else source
