"""A live chunk: events a processor has received and the lake does not hold yet (docs/adr/0007).

Chunks of a shard link like ranges do: each says after which position it begins and where it ends,
and its rows carry their positions. A reader takes a chunk that reaches back to where it stands, and
of it the rows behind that: nothing counts twice, whatever the lake has committed in between.

Readers know of a shard by its first range. Of one that has none yet they learn by its announcement:
an item of its own, beside the chunk that begins where the shard does.
"""

from __future__ import annotations

import zlib
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from lake_core.arrow import lake_schema
from lake_core.chain import number
from lake_core.errors import UnreadableObject
from lake_core.layout import SEQUENCE_DIGITS, Chain
from lake_core.names import Domain

FORMAT_VERSION: Final = 1
KEEP_SECONDS: Final = 3600  # by then the lake holds the events, or its alarm has rung
MAX_BODY_BYTES: Final = 350_000  # an item of DynamoDB holds 400 KB
_COMPRESSION_LEVEL: Final = 1


class LiveChunk(msgspec.Struct, frozen=True, kw_only=True):
    """Whole records of one shard, `after` exclusive to `last` inclusive, as scored rows.

    Sequence numbers are text as Kinesis gave them; times are milliseconds since 1970 UTC.
    """

    format_version: int
    scoring_version: str
    first: str
    last: str
    after: str | None
    last_arrival: int
    rows: bytes  # an Arrow record batch of `lake_schema`, deflated


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(LiveChunk)


def partition_key(chain: Chain) -> str:
    """Return the key under which the chunks of a shard are found."""
    return f"live#{chain.domain}#{chain.incarnation}#{chain.shard}"


def announcements_key(domain: Domain) -> str:
    """Return the key under which shards of a domain are announced."""
    return f"live#{domain}#chains"


def announcement_key(chain: Chain) -> str:
    """Return the sort key of a shard's announcement."""
    return f"{chain.incarnation}#{chain.shard}"


def announced_chain(domain: Domain, sort_key: str) -> Chain:
    """Return the shard that is announced under a sort key."""
    incarnation, _, shard = sort_key.partition("#")
    return Chain(domain, incarnation, shard)


def sort_key(sequence: str | None) -> str:
    """Return the key a chunk that begins there has; None: before all."""
    return (sequence or "").zfill(SEQUENCE_DIGITS)


def pack_rows(table: pa.Table) -> bytes:
    """Return the rows of a table of `lake_schema` for a chunk."""
    batch = table.combine_chunks().to_batches()
    one = batch[0] if batch else pa.RecordBatch.from_pylist([], schema=table.schema)
    return zlib.compress(one.serialize(), _COMPRESSION_LEVEL)


def unpack_rows(domain: Domain, chunk: LiveChunk) -> pa.Table:
    """Return the rows of a chunk.

    Raises:
        UnreadableObject: they are not rows of that domain.
    """
    try:
        raw = pa.py_buffer(zlib.decompress(chunk.rows))
        batch = pa.ipc.read_record_batch(raw, lake_schema(domain))
        batch.validate(full=True)
    except (zlib.error, pa.ArrowException, ValueError, OSError) as error:
        raise UnreadableObject(f"the live chunk from {chunk.first} is broken: {error}") from error
    return pa.Table.from_batches([batch])


def continues(chunk: LiveChunk, position: str | None) -> bool:
    """Whether a chunk reaches back to a position and goes on behind it."""
    return number(chunk.after) <= number(position) < number(chunk.last)


def rows_behind(table: pa.Table, position: str | None) -> pa.Table:
    """Return the rows of records behind a position, in their order."""
    padded = pc.utf8_lpad(table["sequence_number"], width=SEQUENCE_DIGITS, padding="0")
    return table.filter(pc.greater(padded, pa.scalar(sort_key(position))))


def encode_chunk(chunk: LiveChunk) -> bytes:
    """Return the body of a chunk's item."""
    return _encoder.encode(chunk)


def decode_chunk(body: bytes, where: str) -> LiveChunk:
    """Read the body of an item.

    Raises:
        UnreadableObject: no chunk, or one of a newer format than this program knows.
    """
    try:
        chunk = _decoder.decode(body)
    except msgspec.DecodeError as error:
        raise UnreadableObject(f"the live item {where} is broken: {error}") from error
    if chunk.format_version > FORMAT_VERSION:
        raise UnreadableObject(f"the live item {where} has format {chunk.format_version}")
    return chunk
