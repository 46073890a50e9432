"""Roles: made from grants, each wildcard in them acknowledged with the grant's own reason."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from lake_infra.acknowledged import acknowledge
from lake_infra.permissions import Grant


def make_role(
    scope: Construct,
    name: str,
    service: str,
    grants: Sequence[Grant],
    *,
    construct: str = "Role",
    for_this_account: bool = True,
) -> iam.Role:
    """Make a role that one AWS service may take, and only on behalf of this account.

    `for_this_account` is for services that say whom they act for when they take a role. Glue does
    not; only principals that may pass this role to Glue can make it do so.
    """
    account = {"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}}
    role = iam.Role(
        scope,
        construct,
        role_name=name,
        assumed_by=iam.ServicePrincipal(service, conditions=account if for_this_account else {}),
    )
    for grant in grants:
        role.add_to_policy(grant.statement())
        for resource in grant.resources:
            if "*" in resource:
                finding = f"IAM5[Resource::{_shown(cdk.Stack.of(scope).resolve(resource))}]"
                acknowledge(role, grant.why, nag=[finding])
    return role


def policy_of(role: iam.Role) -> IConstruct:
    """Return the policy that holds a role's grants: what needs them is made after it."""
    return role.node.find_child("DefaultPolicy")


def _shown(resolved: object) -> str:
    """Return a resolved ARN as the linter shows it: pseudo parameters in angle brackets."""
    match resolved:
        case {"Fn::Join": ["", [*parts]]}:
            return "".join(_shown(part) for part in parts)
        case {"Ref": str(name)}:
            return f"<{name}>"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{name}.{attribute}>"
    return str(resolved)
