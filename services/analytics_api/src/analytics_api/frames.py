"""The rows of a lake object as a polars frame, in the whole numbers that are summed."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from polars.dataframe.group_by import GroupBy

from lake_core.arrow import lake_schema
from lake_core.catalog import EVENT_TIME
from lake_core.layout import lap_of
from lake_core.names import Domain
from lake_core.schema import SCORE_COLUMNS
from lake_core.scoring import MAX_EFFICIENCY, MICRO, machine_efficiency_micro

SCORE: Final = "score"  # hundredths
TIME: Final = "time"  # of the event, microseconds since 1970 UTC
DAY_MICROSECONDS: Final = 86_400_000_000
HISTORY_DAYS: Final = 400  # of event time: a year and what compares with it
_HUNDRED: Final[Any] = pa.scalar(100.0)
# What comes last in one machine's or customer's history: greatest in this order.
ORDER: Final = (TIME, "identified", "order_a", "order_b", "order_c")
# No answer shows them; a state would carry them for nothing.
_LEFT_OUT: Final = frozenset({"ingest_timestamp", "arrival_timestamp", "scoring_version"})


@cache
def kept_columns(domain: Domain) -> tuple[str, ...]:
    """Return the stored columns that answers are made from."""
    return tuple(name for name in lake_schema(domain).names if name not in _LEFT_OUT)


def frame_of(domain: Domain, table: pa.Table) -> pl.DataFrame:
    """Return the rows with their score in hundredths and their time in microseconds."""
    made = pl.from_arrow(table.select(list(kept_columns(domain))))
    if not isinstance(made, pl.DataFrame):  # pragma: no cover - a table has several columns
        raise TypeError(type(made))
    return made.with_columns(
        hundredths(SCORE_COLUMNS[domain]).alias(SCORE),
        pl.col(EVENT_TIME[domain]).cast(pl.Datetime("us")).cast(pl.Int64).alias(TIME),
    )


def ordered(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with the columns of `ORDER`: dear, so for few rows."""
    sources = frame["event_source"].drop_nulls().unique().to_list()
    laps = [str(lap_of(source)) for source in sources]
    identified = pl.col("event_source").is_not_null() & pl.col("event_row").is_not_null()
    # Sequence numbers are longer than any integer type; their order is kept by rank in text.
    return frame.with_columns(
        identified.alias("identified"),
        pl.when(identified)
        .then(
            pl.col("event_source").replace_strict(
                sources, laps, default=None, return_dtype=pl.String
            )
        )
        .otherwise(pl.col("sequence_number"))
        .str.zfill(64)
        .alias("order_a"),
        pl.when(identified)
        .then(pl.col("event_row"))
        .otherwise(pl.col("record_index").cast(pl.Int64))
        .alias("order_b"),
        # Two files may have a row of the same number and time: any order, but always the same.
        pl.col("event_source").fill_null("").alias("order_c"),
    )


@cache
def row_schema(domain: Domain) -> pl.Schema:
    """Return the schema of rows as `latest_rows` gives them."""
    return ordered(frame_of(domain, lake_schema(domain).empty_table())).schema


def hundredths(column: str) -> pl.Expr:
    """Return a column of 2-decimal numbers as whole hundredths."""
    return (pl.col(column) * 100).round().cast(pl.Int64)


def day() -> pl.Expr:
    """Return the day of the event, counted from 1970 UTC."""
    return (pl.col(TIME) // DAY_MICROSECONDS).alias("day")


def efficiencies_micro(frame: pl.DataFrame) -> pl.Series:
    """Return `machine_efficiency` of each row in whole millionths."""
    energy = frame["energy_consumption"].to_arrow()
    # By Arrow, which divides; polars multiplies by 1/100, and 0.29 is not 29 · 0.01.
    back = pc.divide(pc.round(pc.multiply(energy, _HUNDRED)), _HUNDRED)
    exact = pl.Series("exact", pc.equal(back, energy))
    work = frame.select(
        (pl.col("predicted_remaining_life").cast(pl.Int64) * (100 * MICRO)).alias("top"),
        hundredths("energy_consumption").alias("bottom"),
    )
    positive = pl.col("bottom") > 0
    bottom = pl.when(positive).then(pl.col("bottom")).otherwise(1)
    quotient = pl.col("top") // bottom
    twice_rest = (pl.col("top") % bottom) * 2
    up = (twice_rest > bottom) | ((twice_rest == bottom) & (quotient % 2 == 1))
    clamped = pl.min_horizontal(quotient + up.cast(pl.Int64), pl.lit(MAX_EFFICIENCY * MICRO))
    made = work.select(pl.when(positive).then(clamped).otherwise(0).alias("efficiency")).to_series()
    if exact.all():
        return made
    fine = (~exact).arg_true()
    rows = frame.select("predicted_remaining_life", "energy_consumption")[fine].iter_rows()
    return made.scatter(fine, [machine_efficiency_micro(life, used) for life, used in rows])


def latest_rows(frame: pl.DataFrame, key: str) -> list[dict[str, Any]]:
    """Return the last row of each machine or customer, by the order of events."""
    return _extremes(frame, key, pl.col(TIME).max()).last().to_dicts()


def first_rows(frame: pl.DataFrame, key: str) -> list[dict[str, Any]]:
    """Return the first row of each machine or customer, by the order of events."""
    return _extremes(frame, key, pl.col(TIME).min()).first().to_dicts()


def _extremes(frame: pl.DataFrame, key: str, time: pl.Expr) -> GroupBy:
    # Those of the right time first: what they are sorted by is dear to make.
    near = frame.filter(pl.col(TIME) == time.over(key))
    return ordered(near).sort(ORDER).group_by(key)


def order_of(row: dict[str, Any]) -> tuple[Any, ...]:
    """Return what rows of different objects are compared by."""
    return tuple(row[name] for name in ORDER)
