"""Events as Arrow columns, and what makes rows of the lake of them: scores and positions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, chain, repeat
from operator import sub
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import astuple

from lake_core.events import EVENT_TYPES, Event
from lake_core.names import Domain
from lake_core.rules import RuleSet
from lake_core.schema import (
    SCORE_COLUMNS,
    SEGMENT_COLUMN,
    Kind,
    all_columns,
    stored_columns,
)
from lake_core.scoring import Segment, integer_weights, score_of

_HUNDRED: Final[Any] = pa.scalar(100.0)
_UTC: Final = pa.timestamp("us", tz="UTC")
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# Text repeats. In this form a word is checked, hashed and written once a batch, not once a row.
WORDS: Final = pa.dictionary(pa.int32(), pa.string())
_FIRST: Final = range(1)  # the indexes of a record of one event
# Below so many rows a record its sequence number is cheaper as text than as a word.
_ROWS_PER_WORD: Final = 8
_TYPES: Final[dict[Kind, pa.DataType]] = {
    Kind.INT32: pa.int32(),
    Kind.INT64: pa.int64(),
    Kind.FLOAT64: pa.float64(),
    Kind.STRING: pa.string(),
    Kind.BOOL: pa.bool_(),
    Kind.DATE: pa.date32(),
    Kind.TIMESTAMP: _UTC,
    Kind.TIMESTAMP_MILLIS: pa.timestamp("ms", tz="UTC"),
}


@dataclass(frozen=True, slots=True)
class Positions:
    """Where each event stood on the stream, one entry an event: sequences or Arrow arrays."""

    sequence_number: Any  # text
    record_index: Any
    arrival_milliseconds: Any

    @classmethod
    def of_records(
        cls,
        sequences: Sequence[str],
        arrivals: Sequence[int],
        indexes: Sequence[Sequence[int]],
    ) -> Self:
        """Make the positions of records: one entry each, and the indexes of its events."""
        if indexes.count(_FIRST) == len(indexes):  # the plain form, all usable
            return cls(sequences, pa.repeat(pa.scalar(0, pa.int32()), len(indexes)), arrivals)
        counts = list(map(len, indexes))
        rows = sum(counts)
        present = [at for at, count in enumerate(counts) if count]
        if rows == len(present):  # one event a record: the plain form
            return cls(
                [sequences[at] for at in present],
                [indexes[at][0] for at in present],
                [arrivals[at] for at in present],
            )
        ends = pa.array(accumulate(counts[at] for at in present), pa.int32())
        words = pa.array([sequences[at] for at in present], pa.string())
        numbers = _stretched(ends, pa.array(range(len(present)), pa.int32()))
        sequence = pa.DictionaryArray.from_arrays(numbers, words)
        return cls(
            sequence if rows >= _ROWS_PER_WORD * len(present) else sequence.cast(pa.string()),
            _indexes(ends, [indexes[at] for at in present], rows),
            _stretched(ends, pa.array([arrivals[at] for at in present], pa.int64())),
        )


@cache
def event_schema(domain: Domain) -> pa.Schema:
    """Return the schema of a batch of events: all an event may carry, text as words."""
    return pa.schema(
        [
            pa.field(c.name, WORDS if c.kind is Kind.STRING else _TYPES[c.kind])
            for c in all_columns(domain)
        ]
    )


@cache
def lake_schema(domain: Domain) -> pa.Schema:
    """Return the Arrow schema of a domain's lake objects."""
    return pa.schema([pa.field(c.name, _TYPES[c.kind]) for c in stored_columns(domain)])


def event_batch(domain: Domain, events: Sequence[Event]) -> pa.RecordBatch:
    """Return typed events as columns of `event_schema`, in the order given."""
    schema = event_schema(domain)
    # All values behind one another, of which a column is each so many'th: a third of the time of
    # asking each event for each of its fields.
    values = list(chain.from_iterable(map(astuple, events)))
    fields = EVENT_TYPES[domain].__struct_fields__
    by_name = {name: values[at :: len(fields)] for at, name in enumerate(fields)}
    return pa.RecordBatch.from_arrays(
        [_column(by_name[field.name], field.type) for field in schema], schema=schema
    )


def _column(values: Sequence[Any], kind: pa.DataType) -> Any:
    if kind != _UTC or None in values:
        return pa.array(values, kind)
    # Differences, which Arrow reads in a third of the time of asking each value for its zone.
    epoch = _EPOCH if values and values[0].tzinfo else _EPOCH.replace(tzinfo=None)
    try:
        since = list(map(sub, values, repeat(epoch)))
    except TypeError:  # some with a zone and some without
        return pa.array(values, kind)
    return pa.array(since, pa.duration("us")).view(pa.int64()).view(kind)


def scored_table(
    domain: Domain, events: Sequence[Event], positions: Positions, rules: RuleSet
) -> pa.Table:
    """Return the events with score, version and position, in the order given.

    Shape: one row an event, the columns of `lake_schema(domain)`.
    """
    table = pa.Table.from_batches([event_batch(domain, events)])
    return scored_rows(domain, table, positions, rules).cast(lake_schema(domain))


def scored_rows(domain: Domain, events: pa.Table, positions: Positions, rules: RuleSet) -> pa.Table:
    """Return rows of `event_schema` with score, version and position.

    Shape: one row an event, the columns of `lake_schema(domain)`, text as words or plain.
    """
    columns: dict[str, Any] = {name: events[name] for name in events.schema.names}
    scores = score_hundredths(domain, events, rules)
    columns[SCORE_COLUMNS[domain]] = pc.divide(pc.cast(scores, pa.float64()), _HUNDRED)
    if domain is Domain.ECOMMERCE:
        columns[SEGMENT_COLUMN] = _segments(scores, rules)
    zeros = pa.repeat(pa.scalar(0, pa.int32()), events.num_rows)
    columns["scoring_version"] = pa.DictionaryArray.from_arrays(zeros, [rules.scoring_version])
    columns["arrival_timestamp"] = _array(positions.arrival_milliseconds, pa.int64()).cast(
        _TYPES[Kind.TIMESTAMP_MILLIS]
    )
    columns["sequence_number"] = _array(positions.sequence_number, pa.string())
    columns["record_index"] = _array(positions.record_index, pa.int32())
    return pa.table({name: columns[name] for name in lake_schema(domain).names})


def score_hundredths(domain: Domain, events: pa.Table, rules: RuleSet) -> Any:
    """Return the scores as an int64 array of hundredths, each equal to `scoring.score`."""
    factors, unit = integer_weights(rules.scores[domain])
    total: Any = _whole(0)
    exact: Any = pa.scalar(True)
    for column, factor in factors.items():
        values = pc.cast(events[column], pa.float64())
        hundredths = pc.round(pc.multiply(values, _HUNDRED))
        exact = pc.and_(exact, pc.equal(pc.divide(hundredths, _HUNDRED), values))
        total = pc.add(total, pc.multiply(pc.cast(hundredths, pa.int64()), _whole(factor)))
    scores = _divide_half_even(total, unit)
    if pc.all(exact).as_py() is False:  # finer than hundredths: those go the exact long way
        finer = pc.invert(exact)
        rows = events.select(list(factors)).filter(finer).to_pylist()
        long_way = pa.array([score_of(domain, row, rules) for row in rows], pa.int64())
        scores = pc.replace_with_mask(_one(scores), _one(finer), long_way)
    return scores


def _array(values: Any, kind: pa.DataType) -> Any:
    return values if isinstance(values, pa.Array) else pa.array(values, kind)


def _one(array: Any) -> Any:
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _stretched(ends: Any, values: Any) -> Any:
    """Repeat each value up to its end, exclusive."""
    return pc.call_function("run_end_decode", [pa.RunEndEncodedArray.from_arrays(ends, values)])


def _indexes(ends: Any, indexes: Sequence[Sequence[int]], rows: int) -> Any:
    if any(one[-1] >= len(one) for one in indexes):  # poison between the events
        return pa.array(list(chain.from_iterable(indexes)), pa.int32())
    starts = pa.concat_arrays([pa.array([0], pa.int32()), ends.slice(0, len(ends) - 1)])
    counted = pc.cumulative_sum(pa.repeat(pa.scalar(1, pa.int32()), rows))
    return pc.subtract(pc.subtract(counted, pa.scalar(1, pa.int32())), _stretched(ends, starts))


def _divide_half_even(total: Any, unit: int) -> Any:
    # Integer division truncates; on non-negative numbers that is the floor. The shift is even.
    shift = 10**13
    shifted = pc.add(total, _whole(shift * unit))
    floor = pc.divide(shifted, _whole(unit))
    rest = pc.subtract(shifted, pc.multiply(floor, _whole(unit)))
    twice_rest = pc.multiply(rest, _whole(2))
    odd = pc.equal(pc.bit_wise_and(floor, _whole(1)), _whole(1))
    tie = pc.equal(twice_rest, _whole(unit))
    up = pc.or_(pc.greater(twice_rest, _whole(unit)), pc.and_(tie, odd))
    return pc.subtract(pc.add(floor, pc.cast(up, pa.int64())), _whole(shift))


def _segments(scores: Any, rules: RuleSet) -> Any:
    high = pc.greater(scores, _whole(rules.high_value_above))
    medium = pc.greater(scores, _whole(rules.medium_value_above))
    ranks = pc.add(pc.cast(_one(high), pa.int32()), pc.cast(_one(medium), pa.int32()))
    words = [Segment.STANDARD.value, Segment.MEDIUM_VALUE.value, Segment.HIGH_VALUE.value]
    return pa.DictionaryArray.from_arrays(ranks, words)


def _whole(value: int) -> Any:
    return pa.scalar(value, pa.int64())
