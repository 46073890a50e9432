"""One CloudWatch dashboard: what arrives, what is late, what fails, what is asked."""

from __future__ import annotations

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from lake_core.names import BUCKET, STREAMS, Domain
from lake_infra import metrics
from lake_infra.metrics import FIVE_MINUTES
from lake_infra.scaling import iterator_age

HALF: Final = 12  # of the 24 columns
_ENDS: Final = ("Succeeded", "Failed", "TimedOut")


def make_dashboard(scope: Construct, balancer: elbv2.ApplicationLoadBalancer) -> None:
    """Make it."""
    cloudwatch.Dashboard(
        scope,
        "Dashboard",
        dashboard_name=BUCKET,
        default_interval=cdk.Duration.hours(6),
        widgets=[
            [
                _graph("Records put", *(_incoming(stream) for stream in STREAMS.values())),
                _graph(
                    "Behind, ms",
                    *(iterator_age(s, FIVE_MINUTES) for s in STREAMS.values()),
                ),
            ],
            [
                _graph("Rows written", *(metrics.rows(domain) for domain in Domain)),
                _graph("In quarantine, %", *(metrics.quarantined_percent(d) for d in Domain)),
            ],
            [
                _graph(
                    "Batch runs",
                    *(metrics.executions(how) for how in _ENDS),
                ),
                _graph(
                    "API: seconds",
                    *(
                        balancer.metrics.target_response_time(statistic=s, period=FIVE_MINUTES)
                        for s in ("p50", "p99")
                    ),
                ),
            ],
            [
                _graph(
                    "API: answers",
                    *(
                        balancer.metrics.http_code_target(code, period=FIVE_MINUTES)
                        for code in (
                            elbv2.HttpCodeTarget.TARGET_2XX_COUNT,
                            elbv2.HttpCodeTarget.TARGET_4XX_COUNT,
                            elbv2.HttpCodeTarget.TARGET_5XX_COUNT,
                        )
                    ),
                ),
            ],
        ],
    )


def _graph(title: str, *lines: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(lines), width=HALF)


def _incoming(stream: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/Kinesis",
        metric_name="IncomingRecords",
        dimensions_map={"StreamName": stream},
        statistic="Sum",
        period=FIVE_MINUTES,
    )
