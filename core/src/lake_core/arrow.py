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
from lake_core.schema import Kind, all_columns
from lake_core.scoring import Segment, integer_weights, score

SCORE_COLUMNS: Final = {
    Domain.MANUFACTURING: "maintenance_priority_score",
    Domain.ECOMMERCE: "customer_value_score",
}
SEGMENT_COLUMN: Final = "customer_segment"
_UTC: Final = pa.timestamp("us", tz="UTC")
_TYPES: Final[dict[Kind, pa.DataType]] = {
    Kind.INT32: pa.int32(),
    Kind.INT64: pa.int64(),
    Kind.FLOAT64: pa.float64(),
    Kind.STRING: pa.string(),
    Kind.BOOL: pa.bool_(),
    Kind.DATE: pa.date32(),
    Kind.TIMESTAMP: _UTC,
}


@dataclass(frozen=True, slots=True)
class Positions:
    """Where each event stood on the stream, one list entry an event."""

    sequence_number: Sequence[str]
    record_index: Sequence[int]
    arrival_milliseconds: Sequence[int]


def lake_schema(domain: Domain) -> pa.Schema:
    """Return the Arrow schema of a domain's lake objects."""
    fields = [pa.field(c.name, _TYPES[c.kind], nullable=True) for c in all_columns(domain)]
    identity = fields[-3:]
    scored = [pa.field(SCORE_COLUMNS[domain], pa.float64())]
    if domain is Domain.ECOMMERCE:
        scored.append(pa.field(SEGMENT_COLUMN, pa.string()))
    position = [
        pa.field("scoring_version", pa.string()),
        *identity,
        pa.field("arrival_timestamp", pa.timestamp("ms", tz="UTC")),
        pa.field("sequence_number", pa.string()),
        pa.field("record_index", pa.int32()),
    ]
    return pa.schema([*fields[:-3], *scored, *position])


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
    columns[SCORE_COLUMNS[domain]] = pc.divide(pc.cast(scores, pa.float64()), 100.0)
    if domain is Domain.ECOMMERCE:
        columns[SEGMENT_COLUMN] = _segments(scores, rules)
    columns["scoring_version"] = pa.repeat(rules.scoring_version, len(events))
    columns["arrival_timestamp"] = pa.array(positions.arrival_milliseconds, pa.int64()).cast(
        pa.timestamp("ms", tz="UTC")
    )
    columns["sequence_number"] = pa.array(positions.sequence_number, pa.string())
    columns["record_index"] = pa.array(positions.record_index, pa.int32())
    schema = lake_schema(domain)
    return pa.table([columns[name] for name in schema.names], schema=schema)


def score_hundredths(
    domain: Domain, columns: dict[str, pa.Array], events: Sequence[Event], rules: RuleSet
) -> pa.Array:
    """Return the scores as int64 hundredths, equal to `scoring.score` of each event."""
    factors, unit = integer_weights(rules.scores[domain])
    total = pa.repeat(pa.scalar(0, pa.int64()), len(events))
    exact = pa.repeat(pa.scalar(True), len(events))
    for column, factor in factors.items():
        values = pc.cast(columns[column], pa.float64())
        whole = pc.cast(pc.round(pc.multiply(values, 100.0)), pa.int64())
        exact = pc.and_(exact, pc.equal(pc.divide(pc.cast(whole, pa.float64()), 100.0), values))
        total = pc.add(total, pc.multiply(whole, factor))
    scores = _divide_half_even(total, unit)
    if pc.all(exact).as_py() is False:  # finer than hundredths: those go the exact long way
        scores = pa.array(
            [
                fast if is_exact else score(domain, event, rules)
                for fast, is_exact, event in zip(
                    scores.to_pylist(), exact.to_pylist(), events, strict=True
                )
            ],
            pa.int64(),
        )
    return scores


def _divide_half_even(total: pa.Array, unit: int) -> pa.Array:
    # Integer division truncates; on non-negative numbers that is the floor. The shift is even.
    shift = 10**13
    shifted = pc.add(total, shift * unit)
    floor = pc.divide(shifted, unit)
    twice_rest = pc.multiply(pc.subtract(shifted, pc.multiply(floor, unit)), 2)
    odd = pc.equal(pc.bit_wise_and(floor, 1), 1)
    up = pc.or_(pc.greater(twice_rest, unit), pc.and_(pc.equal(twice_rest, unit), odd))
    return pc.subtract(pc.add(floor, pc.cast(up, pa.int64())), shift)


def _segments(scores: pa.Array, rules: RuleSet) -> pa.Array:
    high = pc.greater(scores, rules.high_value_above)
    medium = pc.greater(scores, rules.medium_value_above)
    rest = pc.if_else(medium, Segment.MEDIUM_VALUE.value, Segment.STANDARD.value)
    return pc.if_else(high, Segment.HIGH_VALUE.value, rest)
