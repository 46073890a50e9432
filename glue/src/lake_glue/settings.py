"""What a job is told: by arguments on AWS Glue, by variables of the same names locally."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lake_core.names import BUCKET

REGION: Final = "us-east-1"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where S3 and the catalog are; None: AWS's own. They may differ: LocalStack has no Glue."""

    s3: str | None
    glue: str | None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Endpoints:
        """Read the SDK's variables."""
        every = environment.get("AWS_ENDPOINT_URL")
        return cls(
            environment.get("AWS_ENDPOINT_URL_S3", every),
            environment.get("AWS_ENDPOINT_URL_GLUE", every),
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """What every command needs to know."""

    bucket: str
    run_id: str
    region: str
    endpoints: Endpoints


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that Glue passes on as `--name value`."""
    parser.add_argument("--bucket", default=os.environ.get("GLUE_BUCKET", BUCKET))
    parser.add_argument("--run_id", default="by-hand", help="names the report of the run")
    parser.add_argument("--region", help="of bucket and catalog; else the AWS SDK's variable")


def settings_of(known: argparse.Namespace, environment: Mapping[str, str]) -> Settings:
    """Return the settings from what was parsed."""
    said = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or REGION
    return Settings(known.bucket, known.run_id, known.region or said, Endpoints.of(environment))


def parse(
    parser: argparse.ArgumentParser, arguments: Sequence[str], environment: Mapping[str, str]
) -> tuple[argparse.Namespace, Settings]:
    """Read a command line; Glue adds arguments of its own, which are none of ours."""
    known, _ = parser.parse_known_args(arguments)
    return known, settings_of(known, environment)
