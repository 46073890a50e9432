"""The role by which ECS itself starts tasks: pulls the images, opens the logs, nothing else."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from constructs import Construct

from lake_infra.addresses import LOG_GROUPS, arn
from lake_infra.permissions import Grant
from lake_infra.registry import IMAGES, repository
from lake_infra.roles import make_role


def execution_role(scope: Construct, name: str) -> iam.IRole:
    """Make it; what the CDK would add to it by itself is here already."""
    role = make_role(
        scope,
        name,
        "ecs-tasks.amazonaws.com",
        [
            Grant(
                "SignIn",
                ("ecr:GetAuthorizationToken",),
                ("*",),
                why="a token is for the whole registry: AWS has no narrower resource",
            ),
            Grant(
                "PullImages",
                (
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ),
                tuple(arn("ecr", f"repository/{repository(image)}") for image in IMAGES),
            ),
            Grant(
                "WriteLogs",
                ("logs:CreateLogStream", "logs:PutLogEvents"),
                (arn("logs", f"log-group:{LOG_GROUPS}/*"),),
                why="the log groups of the lake's own tasks",
            ),
        ],
        construct="Execution",
    )
    return role.without_policy_updates()
