"""The columns of both domains as data, read from the event structs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import inspect

from lake_core.events import EVENT_TYPES, INT32_MAX, Identified
from lake_core.names import Domain

# Stored in every footer. Raise it when a column is added; readers of version n know columns <= n.
SCHEMA_VERSION: Final = 1

IDENTITY_COLUMNS: Final = tuple(Identified.__struct_fields__)
SCORE_COLUMNS: Final = {
    Domain.MANUFACTURING: "maintenance_priority_score",
    Domain.ECOMMERCE: "customer_value_score",
}
SEGMENT_COLUMN: Final = "customer_segment"


class Kind(StrEnum):
    """The types a column may have; arrow.py and the Glue catalog translate them."""

    INT32 = "int32"
    INT64 = "int64"
    FLOAT64 = "float64"
    STRING = "string"
    BOOL = "bool"
    DATE = "date"
    TIMESTAMP = "timestamp"  # UTC, microseconds
    TIMESTAMP_MILLIS = "timestamp_millis"  # UTC, milliseconds


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """A column as tables hold it."""

    name: str
    kind: Kind
    description: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its Parquet name, its JSON key (also the CSV header), type and meaning."""

    name: str
    key: str
    kind: Kind
    type: Any  # the annotated type that validates one value
    unit: str | None
    description: str


@cache
def columns(domain: Domain) -> tuple[Column, ...]:
    """Return the columns of the CSV in the order of its header."""
    return tuple(
        _column(field, hint)
        for field, hint in _fields(domain)
        if field.name not in IDENTITY_COLUMNS
    )


@cache
def csv_header(domain: Domain) -> tuple[str, ...]:
    """Return the header of the domain's CSV file."""
    return tuple(column.key for column in columns(domain))


@cache
def all_columns(domain: Domain) -> tuple[Column, ...]:
    """Return the CSV columns, then identity and provenance: all an event may carry."""
    identity = tuple(
        _column(field, hint) for field, hint in _fields(domain) if field.name in IDENTITY_COLUMNS
    )
    return columns(domain) + identity


@cache
def stored_columns(domain: Domain) -> tuple[StoredColumn, ...]:
    """Return the columns of a lake object: the event's own, its score, where it comes from."""
    own = [StoredColumn(c.name, c.kind, c.description) for c in all_columns(domain)]
    count = len(columns(domain))
    scored = [StoredColumn(SCORE_COLUMNS[domain], Kind.FLOAT64, "score, two decimals")]
    if domain is Domain.ECOMMERCE:
        scored.append(StoredColumn(SEGMENT_COLUMN, Kind.STRING, "segment of the rounded score"))
    version = StoredColumn("scoring_version", Kind.STRING, "rule set the score was made by")
    position = (
        StoredColumn("arrival_timestamp", Kind.TIMESTAMP_MILLIS, "arrival on the stream, UTC"),
        StoredColumn("sequence_number", Kind.STRING, "of the Kinesis record, as received"),
        StoredColumn("record_index", Kind.INT32, "place among the entries of that record"),
    )
    return (*own[:count], *scored, version, *own[count:], *position)


def _fields(domain: Domain) -> list[tuple[inspect.Field, Any]]:
    struct = EVENT_TYPES[domain]
    info = inspect.type_info(struct)
    if not isinstance(info, inspect.StructType):  # pragma: no cover - a struct by construction
        raise TypeError(struct)
    hints = msgspec.structs.fields(struct)
    return [(field, hint.type) for field, hint in zip(info.fields, hints, strict=True)]


def _column(field: inspect.Field, hint: Any) -> Column:
    extra: dict[str, Any] = {}
    description = field.encode_name.replace("_", " ").lower()
    node = field.type
    while isinstance(node, inspect.Metadata):
        extra |= node.extra or {}
        description = (node.extra_json_schema or {}).get("description", description)
        node = node.type
    return Column(field.name, field.encode_name, _kind(node), hint, extra.get("unit"), description)


def _kind(node: inspect.Type) -> Kind:  # noqa: PLR0911 - one line a type
    match node:
        case inspect.UnionType(types=types):
            return _kind(next(t for t in types if not isinstance(t, inspect.NoneType)))
        case inspect.BoolType():
            return Kind.BOOL
        case inspect.IntType(le=limit):
            return _integer(limit)
        case inspect.FloatType():
            return Kind.FLOAT64
        case inspect.DateTimeType():
            return Kind.TIMESTAMP
        case inspect.DateType():
            return Kind.DATE
        case inspect.StrType() | inspect.LiteralType():
            return Kind.STRING
        case inspect.Metadata(type=inner):
            return _kind(inner)
    raise TypeError(f"no column kind for {node}")


def _integer(limit: int | None) -> Kind:
    # No narrower type: Iceberg has none, and dictionary encoding makes them the same size.
    return Kind.INT64 if limit is None or limit > INT32_MAX else Kind.INT32
