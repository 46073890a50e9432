"""The DynamoDB tables: KCL's leases and the live view. What they hold is made anew when lost."""

from __future__ import annotations

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from lake_core.names import LIVE_TABLE, Domain
from lake_infra.acknowledged import acknowledge
from lake_infra.addresses import LEASE_KEY, kcl_tables
from lake_infra.stages import Stage

NO_OWN_KEY: Final = (
    "DynamoDB encrypts with a key of AWS's; one of our own adds a bill and nothing to who may read"
)


def make_tables(scope: Construct, stage: Stage) -> None:
    """Make the tables of every domain's processors, and the live view's where there is one."""
    for domain in Domain:
        for name, key in kcl_tables(domain).items():
            table = _kcl_table(scope, name, key, stage)
            if key == LEASE_KEY:
                _index_by_owner(table)
    if stage.live:
        _live_table(scope)


def _kcl_table(scope: Construct, name: str, key: str, stage: Stage) -> dynamodb.Table:
    # No backups: what is lost here is read again from the stream (I4, I5), and an old state put
    # back would be no better than none.
    table = dynamodb.Table(
        scope,
        name.title().replace("-", ""),
        table_name=name,
        partition_key=_text(key),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        deletion_protection=stage.recoverable,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    acknowledge(
        table, "a lost lease table is made anew (I4, I5)", nag=["DDB3"], checkov=["CKV_AWS_28"]
    )
    acknowledge(table, NO_OWN_KEY, checkov=["CKV_AWS_119"])
    return table


def _index_by_owner(table: dynamodb.Table) -> None:
    # KCL 3 adds it to a lease table that lacks it, which its role would have to allow.
    table.add_global_secondary_index(
        index_name="LeaseOwnerToLeaseKeyIndex",
        partition_key=_text("leaseOwner"),
        sort_key=_text(LEASE_KEY),
        projection_type=dynamodb.ProjectionType.KEYS_ONLY,
    )


def _live_table(scope: Construct) -> None:
    table = dynamodb.Table(
        scope,
        "Live",
        table_name=LIVE_TABLE,
        partition_key=_text("pk"),
        sort_key=_text("sk"),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        time_to_live_attribute="expires",
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    acknowledge(
        table,
        "a view of the last hour: what it shows is in the lake a minute later",
        nag=["DDB3"],
        checkov=["CKV_AWS_28"],
    )
    acknowledge(table, NO_OWN_KEY, checkov=["CKV_AWS_119"])


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
