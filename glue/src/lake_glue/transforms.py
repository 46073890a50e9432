"""What becomes of rows on their way into the curated tables: DataFrame in, DataFrame out."""

from __future__ import annotations

from typing import Final

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812 - the field's own name

from lake_core.catalog import EFFICIENCY_COLUMNS
from lake_core.names import Domain
from lake_core.scoring import MAX_EFFICIENCY

IDENTITY: Final = ("event_source", "event_row")
PLACE: Final = ("incarnation", "shard", "sequence_number", "record_index")
_DIGITS: Final = 64  # of a sequence number, filled up: then text sorts as numbers do


def with_efficiency(domain: Domain, rows: DataFrame) -> DataFrame:
    """Add `machine_efficiency` or `purchase_efficiency` (contract section 4)."""
    match domain:
        case Domain.MANUFACTURING:
            quotient = _ratio("predicted_remaining_life", "energy_consumption")
            value = F.least(quotient, F.lit(float(MAX_EFFICIENCY)))
        case Domain.ECOMMERCE:
            value = _ratio("purchase_amount", "time_to_decision")
    return rows.withColumn(EFFICIENCY_COLUMNS[domain], value)


def _ratio(top: str, bottom: str) -> Column:
    divided = F.col(top).cast("double") / F.col(bottom).cast("double")
    return F.when(F.col(bottom) > 0, divided).otherwise(F.lit(0.0))


def each_identity_once(rows: DataFrame, known: DataFrame) -> DataFrame:
    """Return the rows whose identity is not in `known`, each identity once: the first by place.

    Rows without an identity of their own are identified by their position, and are all kept.
    """
    incarnation, shard, number, index = (F.col(name) for name in PLACE)
    place = (incarnation, shard, F.lpad(number, _DIGITS, "0"), index)
    order = F.row_number().over(Window.partitionBy(*IDENTITY).orderBy(*place))
    named = rows.where(_has_identity()).withColumn("copy", order).where(F.col("copy") == 1)
    new = named.join(known.select(*IDENTITY), on=list(IDENTITY), how="left_anti")
    return new.select(*rows.columns).unionByName(rows.where(~_has_identity()))


def _has_identity() -> Column:
    return F.col("event_source").isNotNull() & F.col("event_row").isNotNull()
