"""What says how the lake does: alarms, one dashboard, the budget, topics. A stack."""

from __future__ import annotations

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from lake_core.names import BUCKET, STREAMS, Domain
from lake_infra import metrics
from lake_infra.dashboard import make_dashboard
from lake_infra.metrics import FIVE_MINUTES
from lake_infra.notices import Notices
from lake_infra.scaling import iterator_age
from lake_infra.services import ServicesStack
from lake_infra.settings import Settings
from lake_infra.stages import Stage

MINUTE_MILLISECONDS: Final = 60_000
ERRORS_IN_FIVE_MINUTES: Final = 5
QUIET_HOURS: Final = 3  # without an execution that succeeded: two misses are no accident
BUDGET_PERCENTS: Final = (80, 100)


class WatchStack(cdk.Stack):
    """Alarms and what they lead to."""

    def __init__(
        self, scope: Construct, name: str, stage: Stage, settings: Settings, services: ServicesStack
    ) -> None:
        super().__init__(scope, name)
        self._stage = stage
        self._notices = Notices(self, "Notices", settings.alarm_email)
        for domain in Domain:
            metrics.count_rows(domain, services.processors[domain])
            self._reading(domain)
        self._answers(services.front.balancer)
        self._batch()
        self._budget()
        make_dashboard(self, services.front.balancer)

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        above: float,
        why: str,
        *,
        periods: int = 1,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name.title().replace("-", ""),
            alarm_name=f"{BUCKET}-{name}",
            alarm_description=why,
            metric=metric,
            threshold=above,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=periods,
            treat_missing_data=missing,
        )
        topic = actions.SnsAction(self._notices.failures)
        alarm.add_alarm_action(topic)
        alarm.add_ok_action(topic)

    def _reading(self, domain: Domain) -> None:
        stream = STREAMS[domain]
        self._alarm(
            f"{domain}-behind",
            iterator_age(stream, cdk.Duration.minutes(1)),
            self._stage.iterator_age_minutes * MINUTE_MILLISECONDS,
            f"{stream} is not read, or too slowly; records expire unread after "
            f"{self._stage.retention_hours} h",
            periods=3,
            # A processor reads all the time: no figure means that nobody does.
            missing=cloudwatch.TreatMissingData.BREACHING,
        )
        self._alarm(
            f"{domain}-throttled",
            cloudwatch.Metric(
                namespace="AWS/Kinesis",
                metric_name="WriteProvisionedThroughputExceeded",
                dimensions_map={"StreamName": stream},
                statistic="Sum",
                period=FIVE_MINUTES,
            ),
            0,
            f"{stream} refuses records: reshard it (docs/operations.md)",
            periods=3,
        )
        self._alarm(
            f"{domain}-quarantine",
            metrics.quarantined_percent(domain),
            self._stage.quarantine_percent,
            f"a producer of {stream} sends what cannot be used: quarantine/{domain}/ says what",
        )

    def _answers(self, balancer: elbv2.ApplicationLoadBalancer) -> None:
        self._alarm(
            "api-errors",
            balancer.metrics.http_code_target(
                elbv2.HttpCodeTarget.TARGET_5XX_COUNT, period=FIVE_MINUTES
            ),
            ERRORS_IN_FIVE_MINUTES,
            "the API answers with errors; 503 before any data has arrived is one of them",
        )
        self._alarm(
            "api-slow",
            balancer.metrics.target_response_time(statistic="p99", period=FIVE_MINUTES),
            self._stage.api_p99_seconds,
            "one answer in a hundred takes longer than that, in seconds",
            periods=3,
        )

    def _batch(self) -> None:
        for outcome in ("Failed", "TimedOut", "Aborted"):
            self._alarm(
                f"batch-{outcome.lower()}",
                metrics.executions(outcome, FIVE_MINUTES),
                0,
                "the workflow did not come to its end: the history of the execution says why",
            )
        quiet = cloudwatch.MathExpression(
            expression="IF(FILL(succeeded, 0) < 1, 1, 0)",
            using_metrics={"succeeded": metrics.executions("Succeeded")},
            label="hours without a batch run that succeeded",
            period=metrics.HOUR,
        )
        self._alarm(
            "batch-quiet",
            quiet,
            0,
            f"no batch run has succeeded for {QUIET_HOURS} hours",
            periods=QUIET_HOURS,
            missing=cloudwatch.TreatMissingData.BREACHING,
        )
        for group in metrics.schedule_groups():
            self._alarm(
                f"{group.removeprefix(BUCKET).strip('-') or 'ingestor'}-not-started",
                metrics.not_started(group),
                0,
                f"the scheduler gave up starting something of the group {group}",
            )

    def _budget(self) -> None:
        told = budgets.CfnBudget.SubscriberProperty(
            subscription_type="SNS", address=self._notices.failures.topic_arn
        )
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=BUCKET,
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(
                    amount=self._stage.budget_usd, unit="USD"
                ),
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type=kind,
                        comparison_operator="GREATER_THAN",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[told],
                )
                for kind, percent in zip(("ACTUAL", "FORECASTED"), BUDGET_PERCENTS, strict=True)
            ],
        )
