"""The AWS clients of the local lake: the one module here that imports the SDK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_glue import GlueClient
    from types_boto3_kinesis import KinesisClient
    from types_boto3_s3 import S3Client
    from types_boto3_stepfunctions import SFNClient

REGION: Final = "us-east-1"
CONFIG: Final = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 3})
# GetActivityTask answers after up to 60 s; a lost answer would be a lost task, so no retries.
POLLING: Final = Config(connect_timeout=2, read_timeout=75, retries={"total_max_attempts": 1})
ServiceError = ClientError
UnreachableError = BotoCoreError


def credentials(endpoint: str) -> dict[str, str]:
    """Return the SDK's variables for the emulator; it takes any key, but wants one."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@dataclass(frozen=True, slots=True)
class Clients:
    """What provisioning talks to."""

    s3: S3Client
    kinesis: KinesisClient
    dynamodb: DynamoDBClient
    glue: GlueClient
    states: SFNClient
    activities: SFNClient  # that waits for tasks


def clients(environment: Mapping[str, str]) -> Clients:
    """Make the clients from the SDK's variables, and from nothing else of this machine."""
    session = boto3.Session(
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_REGION"],
    )

    def endpoint(service: str) -> str:
        # The catalog may live elsewhere: LocalStack's free edition has no Glue.
        return environment.get(f"AWS_ENDPOINT_URL_{service}", environment["AWS_ENDPOINT_URL"])

    states = endpoint("SFN")
    return Clients(
        s3=session.client("s3", endpoint_url=endpoint("S3"), config=CONFIG),
        kinesis=session.client("kinesis", endpoint_url=endpoint("KINESIS"), config=CONFIG),
        dynamodb=session.client("dynamodb", endpoint_url=endpoint("DYNAMODB"), config=CONFIG),
        glue=session.client("glue", endpoint_url=endpoint("GLUE"), config=CONFIG),
        states=session.client("stepfunctions", endpoint_url=states, config=CONFIG),
        activities=session.client("stepfunctions", endpoint_url=states, config=POLLING),
    )


def error_code(error: ClientError) -> str:
    """Return the service's word for what went wrong."""
    return error.response.get("Error", {}).get("Code", "")
