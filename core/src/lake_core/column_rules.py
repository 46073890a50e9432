"""The rules of `events.py` over columns: which rows of a batch are usable."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import inspect

from lake_core.names import Domain
from lake_core.schema import Column, Kind, all_columns

_FEW_WORDS: Final = 32  # up to here Python is quicker than Arrow at looking at each
_DAY: Final = dt.timedelta(days=1)
_EPOCH: Final = dt.date(1970, 1, 1)
_FIRST_DAY: Final = (dt.date.min - _EPOCH) // _DAY
_LAST_DAY: Final = (dt.date.max - _EPOCH) // _DAY
_DAY_MICROSECONDS: Final = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What a column's values must keep to; lengths are of text, in characters."""

    least: float | None = None
    greatest: float | None = None
    min_length: int = 0
    max_length: int | None = None
    words: tuple[str, ...] | None = None
    optional: bool = False


@cache
def limits(column: Column) -> Limits:
    """Return the limits of a column, as its type in `events.py` states them."""
    found: dict[str, Any] = {}
    if column.kind is Kind.DATE:
        found = {"least": _FIRST_DAY, "greatest": _LAST_DAY}
    if column.kind is Kind.TIMESTAMP:
        end = (_LAST_DAY + 1) * _DAY_MICROSECONDS - 1
        found = {"least": _FIRST_DAY * _DAY_MICROSECONDS, "greatest": end}
    for node in _nodes(inspect.type_info(column.type)):
        match node:
            case inspect.IntType(ge=least, le=greatest) | inspect.FloatType(ge=least, le=greatest):
                found |= {"least": least, "greatest": greatest}
            case inspect.StrType(min_length=shortest, max_length=longest):
                found |= {"min_length": shortest or 0, "max_length": longest}
            case inspect.LiteralType(values=words):
                found["words"] = tuple(words)
            case inspect.NoneType():
                found["optional"] = True
    return Limits(**found)


def usable_rows(domain: Domain, batch: pa.RecordBatch) -> Any | None:
    """Return a boolean array, true where a row is usable; None if all are.

    The batch has the schema `arrow.event_schema(domain)`.
    """
    all_usable: Any | None = None
    for column in all_columns(domain):
        usable = _usable(batch.column(column.name), limits(column))
        if usable is not None:
            all_usable = usable if all_usable is None else pc.and_(all_usable, usable)
    return all_usable


def all_words_usable(array: Any, keep: Limits) -> bool:
    """Whether each word of a text column's dictionary is usable."""
    words = array.dictionary
    if len(words) > _FEW_WORDS:
        return pc.all(usable_words(array, keep)).as_py() is not False
    return all(
        keep.min_length <= len(word)
        and (keep.max_length is None or len(word) <= keep.max_length)
        and (keep.words is None or word in keep.words)
        for word in words.to_pylist()
    )


def usable_words(array: Any, keep: Limits) -> Any:
    """Return a boolean array over the dictionary of a text column: which words are usable."""
    words = array.dictionary
    lengths = pc.utf8_length(words)
    usable = pc.greater_equal(lengths, pa.scalar(keep.min_length))
    if keep.max_length is not None:
        usable = pc.and_(usable, pc.less_equal(lengths, pa.scalar(keep.max_length)))
    if keep.words is not None:
        usable = pc.and_(usable, pc.is_in(words, value_set=pa.array(keep.words, words.type)))
    return usable


def _nodes(node: inspect.Type) -> Iterator[inspect.Type]:
    if isinstance(node, inspect.Metadata):
        yield from _nodes(node.type)
    elif isinstance(node, inspect.UnionType):
        for one in node.types:
            yield from _nodes(one)
    else:
        yield node


def _usable(array: Any, keep: Limits) -> Any | None:
    if isinstance(array, pa.DictionaryArray):
        if _nulls_fit(array, keep) and all_words_usable(array, keep):
            return None
        return pc.fill_null(usable_words(array, keep).take(array.indices), keep.optional)
    numbers = _numbers(array)
    if keep.least is None:
        return None if _nulls_fit(array, keep) else pc.is_valid(array)
    if _all_within(numbers, keep):
        return None
    return pc.fill_null(_within(numbers, keep), keep.optional)


def _nulls_fit(array: Any, keep: Limits) -> bool:
    return keep.optional or not array.null_count


def _all_within(numbers: Any, keep: Limits) -> bool:
    """Whether all fit, by the way that Arrow is quickest at: no mask is kept of these."""
    if not _nulls_fit(numbers, keep):
        return False
    if pa.types.is_floating(numbers.type):
        return pc.all(_within(numbers, keep)).as_py() is not False
    found: Any = pc.min_max(numbers)
    extremes = found.as_py()
    if extremes["min"] is None:
        return True
    return bool(keep.least <= extremes["min"] and extremes["max"] <= keep.greatest)


def _within(numbers: Any, keep: Limits) -> Any:
    """Return a mask; a comparison with NaN is false."""
    least, greatest = (pa.scalar(limit, numbers.type) for limit in (keep.least, keep.greatest))
    return pc.and_(pc.greater_equal(numbers, least), pc.less_equal(numbers, greatest))


def _numbers(array: Any) -> Any:
    if pa.types.is_timestamp(array.type):
        return array.view(pa.int64())
    return array.view(pa.int32()) if pa.types.is_date32(array.type) else array
