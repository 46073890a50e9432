"""The images' repositories: a stack of its own, for images are pushed before tasks need them."""

from __future__ import annotations

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from constructs import Construct

from lake_core.names import BUCKET
from lake_infra.acknowledged import acknowledge
from lake_infra.stages import Stage

IMAGES: Final = ("ingestor", "processor", "analytics_api")  # of services/<name>/Dockerfile
KEPT_IMAGES: Final = 20  # to roll back to


def repository(image: str) -> str:
    """Return the name of an image's repository."""
    return f"{BUCKET}/{image}"


class RegistryStack(cdk.Stack):
    """A repository for each image: tags never move, findings are looked for at each push."""

    def __init__(self, scope: Construct, name: str, stage: Stage) -> None:
        super().__init__(scope, name, termination_protection=stage.recoverable)
        for image in IMAGES:
            made = ecr.Repository(
                self,
                image.title().replace("_", ""),
                repository_name=repository(image),
                image_tag_mutability=ecr.TagMutability.IMMUTABLE,
                image_scan_on_push=True,
                empty_on_delete=not stage.recoverable,
                lifecycle_rules=[ecr.LifecycleRule(max_image_count=KEPT_IMAGES)],
                removal_policy=cdk.RemovalPolicy.RETAIN
                if stage.recoverable
                else cdk.RemovalPolicy.DESTROY,
            )
            acknowledge(
                made, "images of public code; ECR encrypts them with a key of AWS's",
                checkov=["CKV_AWS_136"],
            )  # fmt: skip
