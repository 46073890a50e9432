"""Who is told of what: two encrypted topics, and the events that lead to them."""

from __future__ import annotations

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from lake_core.names import ALERT_EVENT, BUCKET, EVENT_SOURCE, FAILURE_EVENT

# Alarms, failures and the budget publish to an encrypted topic only with a key whose policy lets
# their services use it; AWS's own key for SNS does not. So the lake has one: 1 USD a month.
PUBLISHERS: Final = ("cloudwatch", "events", "budgets")
# EventBridge is not documented to say for whom it publishes to a topic; the others are.
SAY_FOR_WHOM: Final = frozenset({"cloudwatch", "budgets"})


class Notices(Construct):
    """The topic of what is wrong with the lake, and the topic of what is wrong with a machine."""

    def __init__(self, scope: Construct, name: str, email: str | None) -> None:
        super().__init__(scope, name)
        self._key = kms.Key(
            self,
            "Key",
            alias=f"{BUCKET}-notices",
            description="topics of the lake",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        for service in PUBLISHERS:
            self._key.add_to_resource_policy(
                iam.PolicyStatement(
                    sid=f"{service.capitalize()}Publishes",
                    principals=[iam.ServicePrincipal(f"{service}.amazonaws.com")],
                    actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                    resources=["*"],  # of a key's policy: this key; the topics say for whom
                )
            )
        self.failures = self._topic("Failures", f"{BUCKET}-failures")
        self.alerts = self._topic("Alerts", f"{BUCKET}-alerts")
        for service in PUBLISHERS:
            _let_publish(self.failures, service)
        _let_publish(self.alerts, "events")
        self._rule("BatchFailed", FAILURE_EVENT, self.failures)
        self._rule("MachineAlert", ALERT_EVENT, self.alerts)
        if email:
            # Of alerts nobody is told unless they subscribe: there are thousands a day.
            sns.Subscription(
                self,
                "Email",
                topic=self.failures,
                protocol=sns.SubscriptionProtocol.EMAIL,
                endpoint=email,
            )

    def _topic(self, construct: str, name: str) -> sns.Topic:
        return sns.Topic(self, construct, topic_name=name, master_key=self._key, enforce_ssl=True)

    def _rule(self, construct: str, detail_type: str, topic: sns.Topic) -> None:
        events.CfnRule(
            self,
            construct,
            name=f"{BUCKET}-{construct}",
            description=f"{detail_type}: to the topic",
            event_pattern={"source": [EVENT_SOURCE], "detail-type": [detail_type]},
            targets=[events.CfnRule.TargetProperty(arn=topic.topic_arn, id="topic")],
        )


def _let_publish(topic: sns.Topic, service: str) -> None:
    account = {"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}}
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            sid=f"{service.capitalize()}Publishes",
            principals=[iam.ServicePrincipal(f"{service}.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions=account if service in SAY_FOR_WHOM else {},
        )
    )
