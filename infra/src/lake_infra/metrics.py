"""What can be watched: metrics that AWS makes by itself, and two read from the processors' logs."""

from __future__ import annotations

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs

from lake_core.names import BUCKET, Domain
from lake_infra.addresses import STATE_MACHINE_ARN
from lake_infra.tasks import LakeTask

NAMESPACE: Final = "MultiSourceDataLake"
FIVE_MINUTES: Final = cdk.Duration.minutes(5)
HOUR: Final = cdk.Duration.hours(1)
# What a processor logs for each range it has written: lake_store.py.
_COMMITTED: Final = '{ $.message = "range committed" }'


def count_rows(domain: Domain, processor: LakeTask) -> None:
    """Make metrics of rows and unusable entries from a processor's log."""
    for field in ("rows", "unusable"):
        logs.MetricFilter(
            processor,
            f"Count{field.capitalize()}",
            log_group=processor.log_group,
            filter_pattern=logs.FilterPattern.literal(_COMMITTED),
            metric_namespace=NAMESPACE,
            metric_name=f"{domain}-{field}",
            metric_value=f"$.{field}",
        )


def rows(domain: Domain, field: str = "rows") -> cloudwatch.Metric:
    """Return how many rows (or `unusable` entries) were written."""
    return cloudwatch.Metric(
        namespace=NAMESPACE, metric_name=f"{domain}-{field}", statistic="Sum", period=FIVE_MINUTES
    )


def quarantined_percent(domain: Domain) -> cloudwatch.MathExpression:
    """Return the share of entries that could not be used, in percent."""
    good, bad = f"{domain}_rows", f"{domain}_unusable"  # a name is a graph's, not a line's
    return cloudwatch.MathExpression(
        expression=f"100 * {bad} / ({good} + {bad})",
        using_metrics={good: rows(domain), bad: rows(domain, "unusable")},
        label=f"{domain}, % in quarantine",
        period=FIVE_MINUTES,
    )


def executions(outcome: str, period: cdk.Duration = HOUR) -> cloudwatch.Metric:
    """Return the executions of the workflow that ended so: Succeeded, Failed, TimedOut."""
    return cloudwatch.Metric(
        namespace="AWS/States",
        metric_name=f"Executions{outcome}",
        dimensions_map={"StateMachineArn": STATE_MACHINE_ARN},
        statistic="Sum",
        period=period,
    )


def not_started(group: str) -> cloudwatch.Metric:
    """Return how often the scheduler gave up starting something."""
    return cloudwatch.Metric(
        namespace="AWS/Scheduler",
        metric_name="InvocationDroppedCount",
        dimensions_map={"ScheduleGroup": group},
        statistic="Sum",
        period=HOUR,
    )


def schedule_groups() -> tuple[str, str]:
    """Return the groups of the ingestor's and of the batch side's schedules."""
    return BUCKET, f"{BUCKET}-batch"
