"""What the aggregate tables are made of: events in, a row a day, machine or customer out.

Sums are of whole numbers and division comes last, so that no order of rows can change a figure.
"""

from __future__ import annotations

from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - the field's own name

from lake_core.catalog import SENSORS
from lake_core.rules import RuleSet
from lake_core.scoring import MAX_EFFICIENCY, MICRO, Risk, Segment

FAILED_STATUS: Final = 2
_LAP: Final = r"(?s)^.*-[^-]*-([0-9]{1,9})\z"  # of an event source, as `lake_core.layout` makes it
_WIDTH: Final = 64


def machine_daily(events: DataFrame, rules: RuleSet) -> DataFrame:
    """Return a row per machine and day, the columns of `MACHINE_DAILY`."""
    days = _with_date(events, "timestamp").groupBy("machine_id", "event_date")
    return days.agg(*_readings(rules)).withColumn("risk", _risk(rules))


def manufacturing_daily(events: DataFrame, rules: RuleSet) -> DataFrame:
    """Return a row per day, the columns of `MANUFACTURING_DAILY`."""
    days = _with_date(events, "timestamp").groupBy("event_date")
    return days.agg(F.countDistinct("machine_id").alias("machines"), *_readings(rules))


def customers(events: DataFrame, rules: RuleSet) -> DataFrame:
    """Return a row per customer, the columns of `CUSTOMERS`."""
    del rules  # the segment is stored with the score
    latest = F.struct("customer_value_score", "customer_segment")
    whole = events.groupBy("customer_id").agg(
        *_purchases(),
        F.max_by(latest, _order("time_of_purchase")).alias("latest"),
        F.min("time_of_purchase").alias("first_purchase"),
        F.max("time_of_purchase").alias("last_purchase"),
    )
    return whole.select("*", "latest.*").drop("latest")


def ecommerce_daily(events: DataFrame, rules: RuleSet) -> DataFrame:
    """Return a row per day, the columns of `ECOMMERCE_DAILY`."""
    del rules
    days = _with_date(events, "time_of_purchase").groupBy("event_date")
    return days.agg(
        F.countDistinct("customer_id").alias("customers"),
        _count(F.col("customer_segment") == Segment.HIGH_VALUE.value).alias("high_value_purchases"),
        *_purchases(),
    )


def _with_date(events: DataFrame, time: str) -> DataFrame:
    return events.withColumn("event_date", F.to_date(time))


def _readings(rules: RuleSet) -> list[Column]:
    score = "maintenance_priority_score"
    efficiency = F.sum(F.rint(F.col("machine_efficiency") * MICRO).cast("long"))
    return [
        F.count("*").alias("readings"),
        _count(F.col("anomaly_flag") == 1).alias("anomalies"),
        _count(F.col("machine_status") == FAILED_STATUS).alias("failures"),
        _count(_hundredths(score) >= rules.alert_at_least).alias("alerts"),
        _count(F.col("maintenance_required") == 1).alias("maintenance_required"),
        F.sum(_hundredths(score)).alias("priority_hundredths"),
        _mean(score).alias("average_maintenance_priority"),
        F.max(score).alias("highest_maintenance_priority"),
        _mean("downtime_risk").alias("average_downtime_risk"),
        (efficiency / (F.count("*") * MAX_EFFICIENCY * MICRO)).alias("average_machine_efficiency"),
        *(_mean(sensor).alias(f"average_{sensor}") for sensor in SENSORS),
    ]


def _purchases() -> list[Column]:
    cents = F.sum(_hundredths("purchase_amount"))
    return [
        F.count("*").alias("purchases"),
        cents.alias("amount_cents"),
        F.sum(_hundredths("customer_value_score")).alias("value_score_hundredths"),
        (cents / 100).alias("total_purchase_amount"),
        _mean("purchase_amount").alias("average_purchase_amount"),
        _mean("customer_satisfaction").alias("average_customer_satisfaction"),
        _mean("product_rating").alias("average_product_rating"),
        _mean("customer_value_score").alias("average_customer_value_score"),
    ]


def _risk(rules: RuleSet) -> Column:
    total, count = F.col("priority_hundredths"), F.col("readings")
    return (
        F.when(total > count * rules.high_risk_above, Risk.HIGH.value)
        .when(total > count * rules.medium_risk_above, Risk.MEDIUM.value)
        .otherwise(Risk.LOW.value)
    )


def _order(time: str) -> Column:
    """Return what the latest event is the greatest of (contract section 4)."""
    identified = F.col("event_source").isNotNull() & F.col("event_row").isNotNull()
    found = F.regexp_extract("event_source", _LAP, 1)
    lap = F.when(found == "", F.lit("0")).otherwise(found)
    return F.struct(
        F.col(time),
        identified.alias("identified"),
        F.lpad(F.when(identified, lap).otherwise(F.col("sequence_number")), _WIDTH, "0"),
        F.when(identified, F.col("event_row")).otherwise(F.col("record_index").cast("long")),
        F.coalesce(F.col("event_source"), F.lit("")),
    )


def _hundredths(column: str) -> Column:
    return F.rint(F.col(column) * 100).cast("long")  # half to even


def _mean(column: str) -> Column:
    return F.sum(_hundredths(column)) / (F.count("*") * 100)


def _count(condition: Column) -> Column:
    return F.count_if(condition)
