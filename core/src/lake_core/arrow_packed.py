"""Reference writer and reader of the packed form `arrow-zstd` (docs/wire.md).

The payload is an Arrow IPC stream with one record batch, its columns those of `event_schema`.
"""

from __future__ import annotations

import datetime as dt
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import ipc

from lake_core.arrow import WORDS, event_schema
from lake_core.column_rules import all_words_usable, limits, usable_rows
from lake_core.errors import PoisonRecord
from lake_core.names import Domain
from lake_core.packed import seal
from lake_core.parsing import parse_event
from lake_core.schema import IDENTITY_COLUMNS, Column, Kind, all_columns, columns
from lake_core.wire import MAX_PAYLOAD_BYTES, Form, Header

# What a damaged stream makes pyarrow raise, and a damaged table of one of its messages us.
_BROKEN: Final = (pa.ArrowException, ValueError, OSError, MemoryError, struct.error)
# Of a message without its body: a schema of ours has 2.5 KB. Fields may share their parts, so a
# schema unfolds to thousands of times its size.
MAX_MESSAGE_BYTES: Final = 32 * 1024
_encoder: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that cannot be used: its index in the record, why, and the row as plain JSON."""

    index: int
    reason: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The entries of a record: `rows` of `event_schema`, and where in the record each stood."""

    rows: pa.RecordBatch
    indexes: Sequence[int]
    refused: Sequence[Refused]


def pack_rows(rows: pa.RecordBatch) -> bytes:
    """Return one packed record of rows of `event_schema`.

    Raises:
        ValueError: no rows, too many, or they do not fit into a record; send fewer.
    """
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, rows.schema) as writer:
        writer.write_batch(rows)
    return seal(Form.ARROW_ZSTD, rows.num_rows, sink.getvalue().to_pybytes())


def unpack_rows(domain: Domain, header: Header, payload: Any) -> Unpacked:
    """Return the entries of an `arrow-zstd` record from what `packed.unseal` made of it.

    The rows refer to the payload, any buffer, and keep it alive.

    Raises:
        PoisonRecord: the record as a whole cannot be used; it counts as one entry.
    """
    try:
        rows = _read(domain, payload)
    except _BROKEN as error:
        raise PoisonRecord(f"packed: not an Arrow stream: {error}"[:300]) from error
    if rows.num_rows != header.events:
        raise PoisonRecord(
            f"packed: {rows.num_rows} rows where the header says {header.events} events"
        )
    usable = usable_rows(domain, rows)
    if usable is None:
        return Unpacked(rows, range(rows.num_rows), [])
    unusable = pc.invert(usable)
    refused = _refuse(domain, rows.filter(unusable), _places(unusable))
    kept = _without_unusable_words(domain, rows.filter(usable))
    return Unpacked(kept, _places(usable), refused)


def _places(mask: Any) -> list[int]:
    places: list[int] = pc.indices_nonzero(mask).to_pylist()
    return places


# --- reading the stream within bounds


def _read(domain: Domain, payload: Any) -> pa.RecordBatch:
    data = pa.py_buffer(payload)
    _refuse_bombs(data)
    with ipc.open_stream(data) as stream:
        chosen = _chosen(domain, stream.schema)
        batch = stream.read_next_batch()
    wanted = event_schema(domain)
    arrays = [
        pa.nulls(batch.num_rows, field.type) if at is None else _as_type(batch.column(at), field)
        for field, at in zip(wanted, chosen, strict=True)
    ]
    rows = pa.RecordBatch.from_arrays(arrays, schema=wanted)
    _refuse_long_text(rows)
    return rows


def _refuse_bombs(payload: pa.Buffer) -> None:
    """Refuse what unfolds: compressed buffers, and tables of fields that share their parts."""
    kinds = []
    for message in ipc.MessageReader.open_stream(payload):
        kinds.append(message.type)
        table = message.metadata.to_pybytes()
        if len(table) > MAX_MESSAGE_BYTES:
            raise PoisonRecord(
                f"packed: a {message.type} of {len(table)} bytes; at most {MAX_MESSAGE_BYTES}"
            )
        if _is_compressed(table, message.type):
            raise PoisonRecord("packed: the buffers of the Arrow stream are compressed once more")
    if kinds.count("record batch") != 1:
        raise PoisonRecord(f"packed: {kinds.count('record batch')} record batches, expected one")


def _chosen(domain: Domain, schema: pa.Schema) -> list[int | None]:
    """Return where each column of `event_schema` stands in the stream; others are ignored."""
    optional = {c.name for c in all_columns(domain)} - {c.name for c in columns(domain)}
    chosen: list[int | None] = []
    for field in event_schema(domain):
        places = schema.get_all_field_indices(field.name)
        if len(places) > 1 or (not places and field.name not in optional):
            raise PoisonRecord(f"packed: {len(places)} columns {field.name!r}, expected one")
        if places and not _fits(schema.field(places[0]).type, field.type):
            given = schema.field(places[0]).type
            raise PoisonRecord(f"packed: column {field.name!r} is {given}, expected {field.type}")
        chosen.append(places[0] if places else None)
    return chosen


def _fits(given: Any, wanted: pa.DataType) -> bool:
    if wanted != WORDS:
        return bool(given == wanted)
    text = given.value_type if pa.types.is_dictionary(given) else given
    return pa.types.is_string(text) or pa.types.is_large_string(text)


def _as_type(array: Any, field: pa.Field[Any]) -> Any:
    array.validate(full=True)
    if field.type != WORDS:
        return array
    if not isinstance(array, pa.DictionaryArray):
        return pc.dictionary_encode(array.cast(pa.string()))
    words = array.dictionary.cast(pa.string())
    if words.null_count or len(pc.unique(words)) != len(words):
        raise PoisonRecord(f"packed: the dictionary of {field.name!r} is not of different words")
    return pa.DictionaryArray.from_arrays(array.indices.cast(pa.int32()), words)


def _refuse_long_text(rows: pa.RecordBatch) -> None:
    """Refuse text that would need more room, written out, than a payload may have."""
    lengths = [
        (pc.call_function("binary_length", [array.dictionary]), array.indices)
        for array in rows.columns
        if isinstance(array, pa.DictionaryArray) and len(array.dictionary)
    ]
    if sum(rows.num_rows * pc.max(words).as_py() for words, _ in lengths) <= MAX_PAYLOAD_BYTES:
        return  # even if every row had the longest word
    size = sum(pc.sum(words.cast(pa.int64()).take(at)).as_py() or 0 for words, at in lengths)
    if size > MAX_PAYLOAD_BYTES:
        raise PoisonRecord(f"packed: {size} bytes of text are more than {MAX_PAYLOAD_BYTES}")


def _without_unusable_words(domain: Domain, rows: pa.RecordBatch) -> pa.RecordBatch:
    """Take from the dictionaries what no rule has looked at: words that no usable row has."""
    arrays: list[Any] = list(rows.columns)
    for at, column in enumerate(all_columns(domain)):
        array = arrays[at]
        if column.kind is Kind.STRING and not all_words_usable(array, limits(column)):
            used = pc.unique(array.indices.drop_null())
            words = array.dictionary.take(used)
            indices = pc.index_in(array.indices, value_set=used)
            arrays[at] = pa.DictionaryArray.from_arrays(indices, words)
    return pa.RecordBatch.from_arrays(arrays, schema=rows.schema)


# --- the few fields of Arrow's message tables that pyarrow does not show (FlatBuffers)

_HEADER_FIELD: Final = 2  # of Message: the table of a schema, dictionary or batch
_DATA_FIELD: Final = 1  # of DictionaryBatch: its record batch
_COMPRESSION_FIELD: Final = 3  # of RecordBatch


def _is_compressed(message: bytes, kind: str) -> bool:
    if kind not in ("dictionary", "record batch"):
        return False
    (root,) = struct.unpack_from("<I", message)
    batch = _table(message, root, _HEADER_FIELD)
    if kind == "dictionary":
        batch = _table(message, batch, _DATA_FIELD)
    return _field(message, batch, _COMPRESSION_FIELD) is not None


def _table(message: bytes, table: int, field: int) -> int:
    at = _field(message, table, field)
    if at is None:
        raise ValueError("a message without its table")
    return at + int(struct.unpack_from("<I", message, at)[0])


def _field(message: bytes, table: int, field: int) -> int | None:
    """Return where a field of a table is, None where it has its default."""
    vtable = table - struct.unpack_from("<i", message, table)[0]
    if vtable < 0:
        raise ValueError("a table without a beginning")
    (size,) = struct.unpack_from("<H", message, vtable)
    at = 4 + 2 * field
    offset = struct.unpack_from("<H", message, vtable + at)[0] if at + 2 <= size else 0
    return table + offset if offset else None


# --- rows that cannot be used


def _refuse(domain: Domain, rows: pa.RecordBatch, indexes: Sequence[int]) -> list[Refused]:
    """Say why each row is refused, in the words of the parser of the plain form."""
    values = zip(*(_plain(rows.column(c.name), c) for c in all_columns(domain)), strict=True)
    keys = [column.key for column in all_columns(domain)]
    refused = []
    for index, row in zip(indexes, values, strict=True):
        present = {k: v for k, v in zip(keys, row, strict=True) if v is not None}
        raw = _encoder.encode(present)
        refused.append(Refused(index, _reason(domain, raw), raw))
    return refused


def _reason(domain: Domain, raw: bytes) -> str:
    try:
        parse_event(domain, raw)
    except PoisonRecord as error:
        return error.reason
    return "packed: a value is outside the limits of its column"


def _plain(array: Any, column: Column) -> list[Any]:
    """Return values as JSON can hold them; what it cannot, as text, which the parser refuses."""
    try:
        values = array.to_pylist()
    except (ValueError, OverflowError):  # a time that Python has no date for
        values = [_time(value) for value in array]
    if column.kind is Kind.FLOAT64:
        return [v if v is None or math.isfinite(v) else str(v) for v in values]
    if column.kind is Kind.TIMESTAMP and column.name not in IDENTITY_COLUMNS:
        return [v.replace(tzinfo=None) if isinstance(v, dt.datetime) else v for v in values]
    return list(values)


def _time(value: Any) -> Any:
    try:
        return value.as_py()
    except (ValueError, OverflowError):
        return str(value.value)
