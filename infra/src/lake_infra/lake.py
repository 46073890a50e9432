"""The whole lake: which stacks there are, in the order they stand on each other."""

from __future__ import annotations

from typing import Final

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from lake_core.names import BUCKET
from lake_infra.batch import BatchStack
from lake_infra.registry import RegistryStack
from lake_infra.services import ServicesStack
from lake_infra.settings import Settings
from lake_infra.stages import STAGES
from lake_infra.storage import StorageStack
from lake_infra.watch import WatchStack

# What newer CDK applications do by themselves, where it matters here.
FLAGS: Final = {
    "@aws-cdk/aws-ec2:restrictDefaultSecurityGroup": False,  # a Lambda of CDK's would do it
    "aws:cdk:disable-version-reporting": True,
    # A stack that others use cannot be changed under them.
    "@aws-cdk/core:defaultCrossStackReferences": "strong",
}


def lake(settings: Settings, outdir: str | None = None) -> cdk.App:
    """Return the application, not yet synthesised."""
    app = cdk.App(outdir=outdir, analytics_reporting=False, context=FLAGS)
    stage = STAGES[settings.stage]
    registry = RegistryStack(app, "data-lake-registry", stage)
    storage = StorageStack(app, "data-lake-storage", stage)
    services = ServicesStack(app, "data-lake-services", stage, settings)
    services.add_stack_dependency(registry)
    services.add_stack_dependency(storage)
    batch = BatchStack(app, "data-lake-batch", stage, settings, services)
    WatchStack(app, "data-lake-watch", stage, settings, services).add_stack_dependency(batch)
    cdk.Tags.of(app).add("project", BUCKET)
    cdk.Tags.of(app).add("stage", stage.name)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app
