"""The rows of a lake object as a polars frame, in the whole numbers that are summed."""

from __future__ import annotations

from typing import Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from lake_core.layout import lap_of
from lake_core.names import Domain
from lake_core.schema import SCORE_COLUMNS
from lake_core.scoring import MAX_EFFICIENCY, MICRO, machine_efficiency_micro

SCORE: Final = "score"  # hundredths
_HUNDRED: Final[Any] = pa.scalar(100.0)
# What comes last in one machine's or customer's history: greatest in this order.
ORDER: Final = ("time", "identified", "order_a", "order_b", "order_c")


def frame_of(domain: Domain, table: pa.Table) -> pl.DataFrame:
    """Return the rows with whole-number columns added: score in hundredths, and their order."""
    made = pl.from_arrow(table)
    if not isinstance(made, pl.DataFrame):  # pragma: no cover - a table has several columns
        raise TypeError(type(made))
    frame = made.with_columns(hundredths(SCORE_COLUMNS[domain]).alias(SCORE))
    time = "timestamp" if domain is Domain.MANUFACTURING else "time_of_purchase"
    sources = frame["event_source"].drop_nulls().unique().to_list()
    laps = [str(lap_of(source)) for source in sources]
    identified = pl.col("event_source").is_not_null() & pl.col("event_row").is_not_null()
    # Sequence numbers are longer than any integer type; their order is kept by rank in text.
    return frame.with_columns(
        pl.col(time).cast(pl.Datetime("us")).cast(pl.Int64).alias("time"),
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


def hundredths(column: str) -> pl.Expr:
    """Return a column of 2-decimal numbers as whole hundredths."""
    return (pl.col(column) * 100).round().cast(pl.Int64)


def efficiency_micro(frame: pl.DataFrame) -> int:
    """Return the sum of `machine_efficiency` over the rows in whole millionths."""
    energy = frame["energy_consumption"].to_arrow()
    # By Arrow, which divides; polars multiplies by 1/100, and 0.29 is not 29 · 0.01.
    back = pc.divide(pc.round(pc.multiply(energy, _HUNDRED)), _HUNDRED)
    work = frame.select(
        (pl.col("predicted_remaining_life").cast(pl.Int64) * (100 * MICRO)).alias("top"),
        hundredths("energy_consumption").alias("bottom"),
        pl.Series("exact", pc.equal(back, energy)),
        pl.col("predicted_remaining_life").alias("life"),
        pl.col("energy_consumption").alias("energy"),
    )
    fine = work.filter(~pl.col("exact"))
    total = sum(
        machine_efficiency_micro(row["life"], row["energy"]) for row in fine.iter_rows(named=True)
    )
    positive = work.filter(pl.col("exact") & (pl.col("bottom") > 0))
    quotient = pl.col("top") // pl.col("bottom")
    twice_rest = (pl.col("top") % pl.col("bottom")) * 2
    up = (twice_rest > pl.col("bottom")) | ((twice_rest == pl.col("bottom")) & (quotient % 2 == 1))
    clamped = pl.min_horizontal(quotient + up.cast(pl.Int64), pl.lit(MAX_EFFICIENCY * MICRO))
    return total + int(positive.select(clamped.sum()).item() or 0)


def latest_rows(frame: pl.DataFrame, key: str) -> list[dict[str, Any]]:
    """Return the last row of each machine or customer, by the order of events."""
    return frame.sort(ORDER).group_by(key).last().to_dicts()


def order_of(row: dict[str, Any]) -> tuple[Any, ...]:
    """Return what rows of different objects are compared by."""
    return tuple(row[name] for name in ORDER)
