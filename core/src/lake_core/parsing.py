"""Turns bytes and CSV cells into typed events, or says why it cannot (PoisonRecord).

The fast path decodes real JSON types in one step. What it refuses is tried once more cell by
cell, which accepts the original producer's form: every value the CSV cell as a string.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

import msgspec

from lake_core.errors import PoisonRecord
from lake_core.events import EVENT_TYPES, Event, Reading
from lake_core.names import Domain
from lake_core.schema import Column, Kind, all_columns, columns

# What bytes from outside can raise in the decoder; each is that entry's own fault.
DECODE_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
MAX_REASON: Final = 300  # a reason names the fault, it does not repeat the entry

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_DECIMAL: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)
_MONEY: Final = re.compile(r"\$?([0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?|[0-9]+(\.[0-9]*)?)", re.ASCII)
_US_DATE: Final = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", re.ASCII)
_BOOLEANS: Final = {"true": True, "false": False}
MAX_CELL_NUMBER: Final = 64  # characters; int() and float() of more is an attack, not a cell


@cache
def decoder(domain: Domain) -> msgspec.json.Decoder[Event]:
    """Return the strict decoder of a domain's typed form."""
    return msgspec.json.Decoder(EVENT_TYPES[domain])


def parse_event(domain: Domain, raw: bytes | memoryview) -> Event:
    """Decode one JSON object in typed or all-strings form.

    Raises:
        PoisonRecord: not JSON, a key missing, a wrong type or a value out of range.
    """
    try:
        return decoder(domain).decode(raw)
    except DECODE_ERRORS as error:
        return _parse_loosely(domain, raw, error)


def parse_events(
    domain: Domain, raws: Sequence[bytes | memoryview]
) -> tuple[list[Event], dict[int, str]]:
    """Decode many JSON objects as `parse_event` does, in two thirds of its time.

    Return the events in order, and the reason of each that is none by its place among `raws`.
    """
    events: list[Event] = []
    refused: dict[int, str] = {}
    decoded = map(decoder(domain).decode, raws)
    while len(events) + len(refused) < len(raws):
        try:
            events.extend(decoded)  # what is decoded stays there when the next fails
        except DECODE_ERRORS as error:
            place = len(events) + len(refused)
            try:
                events.append(_parse_loosely(domain, raws[place], error))
            except PoisonRecord as poison:
                refused[place] = poison.reason
    return events, refused


def _parse_loosely(domain: Domain, raw: bytes | memoryview, first: Exception) -> Event:
    if not isinstance(first, msgspec.ValidationError):
        raise _poison(first) from first
    try:
        found = _loose_decoder(domain).decode(raw)
    except msgspec.ValidationError:
        raise _poison(first) from first
    except DECODE_ERRORS as error:
        raise _poison(error) from error
    values = zip(_keys(domain), msgspec.structs.astuple(found), strict=True)
    return event_from_cells(domain, {key: value for key, value in values if value is not None})


@cache
def _keys(domain: Domain) -> tuple[str, ...]:
    return tuple(column.key for column in all_columns(domain))


@cache
def _loose_decoder(domain: Domain) -> msgspec.json.Decoder[msgspec.Struct]:
    """Return the decoder of an object whose values are cells or typed, and not looked at.

    Keys that are not ours are passed over, so that what they hold is never made: a megabyte of
    empty lists would be three hundred.
    """
    cell = str | int | float | bool | None
    names = [f"c{at}" for at in range(len(_keys(domain)))]
    fields: list[tuple[str, Any, Any]] = [(name, cell, None) for name in names]
    keys = dict(zip(names, _keys(domain), strict=True))
    return msgspec.json.Decoder(msgspec.defstruct("Cells", fields, rename=keys))


def _poison(error: Exception) -> PoisonRecord:
    return PoisonRecord(str(error)[:MAX_REASON])


def event_from_cells(domain: Domain, cells: Mapping[str, Any]) -> Event:
    """Make an event of a mapping of keys to cells (strings) or already typed values.

    Raises:
        PoisonRecord: the reason names the key.
    """
    values: dict[str, Any] = {}
    key = ""
    try:
        for key, kind, convert in _plan(domain):  # noqa: B007 - named in the error
            value = cells.get(key)
            if value is not None:
                values[key] = convert(value) if value.__class__ is str else value
        if len(values) < len(columns(domain)):
            _refuse_missing(domain, values)
        return msgspec.convert(values, EVENT_TYPES[domain])
    except (ValueError, OverflowError) as error:
        if isinstance(error, msgspec.ValidationError | UnicodeError):
            raise _poison(error) from error
        raise PoisonRecord(f"{key!r}: {cells[key][:40]!r} is not a {kind.value}") from error


def value_of_cell(column: Column, cell: str) -> Any:
    """Return the value that a cell of a column stands for; its limits are not looked at.

    Raises:
        ValueError: it is none of its kind.
    """
    return _CELL[column.kind](cell)


@cache
def _plan(domain: Domain) -> tuple[tuple[str, Kind, Callable[[str], Any]], ...]:
    return tuple((column.key, column.kind, _CELL[column.kind]) for column in all_columns(domain))


def _refuse_missing(domain: Domain, values: Mapping[str, Any]) -> None:
    missing = [column.key for column in columns(domain) if column.key not in values]
    if missing:
        raise PoisonRecord(f"missing {', '.join(repr(key) for key in missing)}"[:MAX_REASON])


def _integer(cell: str) -> int:
    if not _INTEGER.fullmatch(cell := cell.strip()):
        raise ValueError(cell)
    return int(cell)


def _decimal(cell: str) -> float:
    cell = cell.strip()
    if len(cell) > MAX_CELL_NUMBER:
        raise ValueError(cell)
    if _DECIMAL.fullmatch(cell):
        return float(cell)
    if _MONEY.fullmatch(cell):
        return float(cell.lstrip("$").replace(",", ""))
    raise ValueError(cell)


def _boolean(cell: str) -> bool:
    try:
        return _BOOLEANS[cell.strip().lower()]
    except KeyError as error:
        raise ValueError(cell) from error


def _date(cell: str) -> dt.date:
    if match := _US_DATE.fullmatch(cell.strip()):
        month, day, year = (int(group) for group in match.groups())
        return dt.date(year, month, day)
    return dt.date.fromisoformat(cell.strip())


def _text(cell: str) -> str:
    return cell


# Timestamps are left to msgspec, which reads the typed form's strings and refuses the rest.
_CELL: Final[dict[Kind, Callable[[str], Any]]] = {
    Kind.INT32: _integer,
    Kind.INT64: _integer,
    Kind.FLOAT64: _decimal,
    Kind.STRING: _text,
    Kind.BOOL: _boolean,
    Kind.DATE: _date,
    Kind.TIMESTAMP: _text,
}


_TIMESTAMP_KEY: Final = b'"timestamp":"'
_DATE_CHARACTERS: Final = len("YYYY-MM-DD")
_encoder: Final = msgspec.json.Encoder()


def encode_event(event: Event) -> bytes:
    """Return the event's plain form: one JSON object, real types, keys as in the CSV header.

    The timestamp of a reading is written `YYYY-MM-DD HH:MM:SS`, as the CSV does.
    """
    raw = bytearray(_encoder.encode(event))
    if isinstance(event, Reading):
        # Inside a JSON string every quote is escaped, so the key cannot be met in a value.
        at = raw.index(_TIMESTAMP_KEY) + len(_TIMESTAMP_KEY) + _DATE_CHARACTERS
        raw[at : at + 1] = b" "
    return bytes(raw)
