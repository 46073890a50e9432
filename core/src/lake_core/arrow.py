"""The Arrow form of scored events: the columns of a lake object, scored column-wise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from lake_core.events import Event
from lake_core.names import Domain
from lake_core.rules import RuleSet
from lake_core.schema import (
    SCORE_COLUMNS,
    SEGMENT_COLUMN,
    Kind,
    all_columns,
    stored_columns,
)
from lake_core.scoring import Segment, integer_weights, score

_HUNDRED: Final[Any] = pa.scalar(100.0)
_UTC: Final = pa.timestamp("us", tz="UTC")
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
    """Where each event stood on the stream, one list entry an event."""

    sequence_number: Sequence[str]
    record_index: Sequence[int]
    arrival_milliseconds: Sequence[int]


def lake_schema(domain: Domain) -> pa.Schema:
    """Return the Arrow schema of a domain's lake objects."""
    return pa.schema([pa.field(c.name, _TYPES[c.kind]) for c in stored_columns(domain)])


def scored_table(
    domain: Domain, events: Sequence[Event], positions: Positions, rules: RuleSet
) -> pa.Table:
    """Return the events with score, version and position, in the order given.

    Shape: one row an event, the columns of `lake_schema(domain)`.
    """
    columns: dict[str, Any] = {
        c.name: pa.array([getattr(e, c.name) for e in events], type=_TYPES[c.kind])
        for c in all_columns(domain)
    }
    scores = score_hundredths(domain, columns, events, rules)
    columns[SCORE_COLUMNS[domain]] = pc.divide(pc.cast(scores, pa.float64()), _HUNDRED)
    if domain is Domain.ECOMMERCE:
        columns[SEGMENT_COLUMN] = _segments(scores, rules)
    columns["scoring_version"] = pa.repeat(pa.scalar(rules.scoring_version), len(events))
    columns["arrival_timestamp"] = pa.array(positions.arrival_milliseconds, pa.int64()).cast(
        pa.timestamp("ms", tz="UTC")
    )
    columns["sequence_number"] = pa.array(positions.sequence_number, pa.string())
    columns["record_index"] = pa.array(positions.record_index, pa.int32())
    schema = lake_schema(domain)
    return pa.table([columns[name] for name in schema.names], schema=schema)


def score_hundredths(
    domain: Domain, columns: dict[str, Any], events: Sequence[Event], rules: RuleSet
) -> Any:
    """Return the scores as an int64 array of hundredths, each equal to `scoring.score`."""
    factors, unit = integer_weights(rules.scores[domain])
    total: Any = pa.repeat(_whole(0), len(events))
    exact: Any = pa.repeat(pa.scalar(True), len(events))
    for column, factor in factors.items():
        values = pc.cast(columns[column], pa.float64())
        hundredths = pc.round(pc.multiply(values, _HUNDRED))
        exact = pc.and_(exact, pc.equal(pc.divide(hundredths, _HUNDRED), values))
        total = pc.add(total, pc.multiply(pc.cast(hundredths, pa.int64()), _whole(factor)))
    scores = _divide_half_even(total, unit)
    if pc.all(exact).as_py() is False:  # finer than hundredths: those go the exact long way
        triples = zip(scores.to_pylist(), exact.to_pylist(), events, strict=True)
        scores = pa.array(
            [fast if fits else score(domain, event, rules) for fast, fits, event in triples],
            pa.int64(),
        )
    return scores


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
    names = {name: pa.scalar(name.value) for name in Segment}
    rest = pc.if_else(medium, names[Segment.MEDIUM_VALUE], names[Segment.STANDARD])
    return pc.if_else(high, names[Segment.HIGH_VALUE], rest)


def _whole(value: int) -> Any:
    return pa.scalar(value, pa.int64())
