"""When there are more tasks and when fewer."""

from __future__ import annotations

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs

BEHIND: Final = 60_000  # ms: the flush age, so that a healthy processor never reaches it
FAR_BEHIND: Final = 600_000
CAUGHT_UP: Final = 5_000
API_CPU_PERCENT: Final = 60  # prepared bytes: the CPU is full long before latency shows it


def iterator_age(stream: str, period: cdk.Duration) -> cloudwatch.Metric:
    """Return how old the record read last is, in milliseconds: what KCL calls MillisBehindLatest.

    Kinesis measures it for nothing; KCL's own metric would cost 0.30 USD a month for each shard.
    """
    return cloudwatch.Metric(
        namespace="AWS/Kinesis",
        metric_name="GetRecords.IteratorAgeMilliseconds",
        dimensions_map={"StreamName": stream},
        statistic="Maximum",
        period=period,
    )


def scale_processor(service: ecs.FargateService, stream: str, most: int) -> None:
    """Add tasks while reading falls behind, up to one a shard: a task more would hold no lease."""
    if most == 1:
        return
    scaling = service.auto_scale_task_count(min_capacity=1, max_capacity=most)
    scaling.scale_on_metric(
        "Behind",
        metric=iterator_age(stream, cdk.Duration.minutes(1)),
        adjustment_type=autoscaling.AdjustmentType.CHANGE_IN_CAPACITY,
        scaling_steps=[
            autoscaling.ScalingInterval(upper=CAUGHT_UP, change=-1),
            autoscaling.ScalingInterval(lower=BEHIND, change=1),
            autoscaling.ScalingInterval(lower=FAR_BEHIND, change=2),
        ],
        evaluation_periods=3,
        # Leases move for a minute after every change; looking sooner would see that, not the load.
        cooldown=cdk.Duration.minutes(5),
    )


def scale_api(service: ecs.FargateService, tasks: tuple[int, int]) -> None:
    """Keep the API's CPU below a level."""
    least, most = tasks
    scaling = service.auto_scale_task_count(min_capacity=least, max_capacity=most)
    scaling.scale_on_cpu_utilization(
        "Cpu",
        target_utilization_percent=API_CPU_PERCENT,
        scale_in_cooldown=cdk.Duration.minutes(5),
        scale_out_cooldown=cdk.Duration.minutes(1),
    )
