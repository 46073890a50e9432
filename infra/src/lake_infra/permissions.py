"""What each part may do, and why: data, from which its role is made. No part shares a role.

`tests/integration/test_iam_observation.py` runs the lake, looks at what each part asks of AWS, and
fails both when its role would refuse it and when a role allows what nobody uses without a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aws_cdk import Aws
from aws_cdk import aws_iam as iam

from lake_core.catalog import curated_tables, events_table
from lake_core.layout import ANALYTICS, ENDED, PROCESSED, QUARANTINE, RAW, STATE, lease_marker_key
from lake_core.names import (
    ALERT_EVENT,
    EVENT_SOURCE,
    GLUE_DATABASE,
    LIVE_TABLE,
    PROCESSORS,
    Domain,
)
from lake_infra.addresses import (
    BUCKET_ARN,
    GLUE_LOGS,
    arn,
    kcl_tables,
    objects,
    stream_arn,
    table_arn,
)

INGESTOR_STATE: Final = f"{STATE}ingestor/*"
INGEST_QUARANTINE: Final = f"{QUARANTINE}*/ingest/*"
ASSETS: Final = f"cdk-hnb659fds-assets-{Aws.ACCOUNT_ID}-{Aws.REGION}"  # of the CDK's bootstrap


@dataclass(frozen=True, slots=True)
class Grant:
    """A statement of a role: its name says what for."""

    name: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Any] = field(default_factory=dict)
    # Why a resource has to end in *: keys of objects that a part makes are not known beforehand.
    why: str = "objects under a prefix of the lake's own: their keys come with the data"

    def statement(self) -> iam.PolicyStatement:
        """Return it for the CDK."""
        return iam.PolicyStatement(
            sid=self.name,
            actions=list(self.actions),
            resources=list(self.resources),
            conditions=dict(self.conditions),
        )


# Without it S3 answers 403 where there is no object, and every part relies on "not there" being
# told apart. A condition on the prefix would not hold for a GetObject. Names of keys are no secret.
SEE_WHAT_IS_NOT_THERE: Final = Grant("SeeWhatIsNotThere", ("s3:ListBucket",), (BUCKET_ARN,))


_TELL_OF_ALERTS: Final = Grant(
    "TellOfAlerts",
    ("events:PutEvents",),
    (arn("events", "event-bus/default"),),
    {
        "ForAllValues:StringEquals": {
            "events:source": EVENT_SOURCE,
            "events:detail-type": ALERT_EVENT,
        }
    },
)
# Whatever is asked of a Glue table is asked of these too.
_DATABASE: Final = (arn("glue", "catalog"), arn("glue", f"database/{GLUE_DATABASE}"))


def _read(name: str, *keys: str) -> Grant:
    return Grant(name, ("s3:GetObject",), tuple(objects(*keys)))


def _write(name: str, *keys: str) -> Grant:
    return Grant(name, ("s3:PutObject",), tuple(objects(*keys)))


def ingestor() -> list[Grant]:
    """CSV → streams, with a cursor of its own and a quarantine for rows it refuses."""
    streams = tuple(stream_arn(domain) for domain in Domain)
    return [
        Grant("PutEvents", ("kinesis:ListShards", "kinesis:PutRecords"), streams),
        _read("ReadCsvAndCursor", f"{RAW}*", INGESTOR_STATE),
        _read("Requeue", f"{QUARANTINE}*"),
        _write("KeepCursorAndRefusedRows", INGESTOR_STATE, INGEST_QUARANTINE),
        SEE_WHAT_IS_NOT_THERE,
    ]


def processor(domain: Domain, *, live: bool = True) -> list[Grant]:
    """One stream → ranges of one domain; leases and checkpoints in its own three tables."""
    marker = lease_marker_key(PROCESSORS[domain])
    tables = tuple(table_arn(name) for name in kcl_tables(domain))
    return [
        Grant(
            "ReadStream",
            (
                "kinesis:DescribeStreamSummary",
                "kinesis:GetRecords",
                "kinesis:GetShardIterator",
                "kinesis:ListShards",
            ),
            (stream_arn(domain),),
        ),
        Grant(
            "Leases",
            (
                "dynamodb:CreateTable",  # asked for first, refused as it exists already
                "dynamodb:DeleteItem",
                "dynamodb:DescribeTable",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:Scan",
                "dynamodb:UpdateItem",
            ),
            tables,
        ),
        *(_show_live(domain) if live else []),
        _read("AdoptRanges", f"{PROCESSED}{domain}/*", marker),
        _write(
            "WriteRanges",
            f"{PROCESSED}{domain}/*",
            f"{QUARANTINE}{domain}/dt=*",
            f"{ENDED}{domain}/*",
            marker,
        ),
        SEE_WHAT_IS_NOT_THERE,
    ]


def _show_live(domain: Domain) -> list[Grant]:
    show = Grant(
        "ShowLive",
        ("dynamodb:GetItem", "dynamodb:PutItem"),
        (table_arn(LIVE_TABLE),),
        {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"live#{domain}#*"]}},
    )
    return [show, *([_TELL_OF_ALERTS] if domain is Domain.MANUFACTURING else [])]


def analytics_api(*, live: bool = True) -> list[Grant]:
    """Reads the lake, writes nothing."""
    read_live = Grant(
        "ReadLive",
        ("dynamodb:Query",),
        (table_arn(LIVE_TABLE),),
        {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["live#*"]}},
    )
    return [
        _read("ReadLake", f"{PROCESSED}*", f"{ANALYTICS}*", f"{QUARANTINE}*"),
        *([read_live] if live else []),
        SEE_WHAT_IS_NOT_THERE,
    ]


def analytics_task(domain: Domain) -> list[Grant]:
    """Curated table of one domain → its state and insights."""
    analytics = f"{ANALYTICS}{domain}/"
    published = [f"{analytics}{what}" for what in ("state/*", "insights/*", "current.json")]
    return [
        Grant(
            "FindTable",
            ("glue:GetTable",),
            (*_DATABASE, arn("glue", f"table/{GLUE_DATABASE}/{events_table(domain).name}")),
        ),
        _read("ReadCurated", f"{analytics}*"),
        _write("PublishInsights", *published),
        Grant("ForgetOldVersions", ("s3:DeleteObject",), tuple(objects(*published[:2]))),
        SEE_WHAT_IS_NOT_THERE,
    ]


def data_integration() -> list[Grant]:
    """States of both domains → the integrated insights."""
    published = [f"{ANALYTICS}integrated/{what}" for what in ("insights/*", "current.json")]
    return [
        _read("ReadInsights", f"{ANALYTICS}*"),
        _write("PublishIntegrated", *published),
        Grant("ForgetOldVersions", ("s3:DeleteObject",), tuple(objects(published[0]))),
        SEE_WHAT_IS_NOT_THERE,
    ]


def glue_etl() -> list[Grant]:
    """Ranges → curated Iceberg tables of both domains."""
    tables = tuple(arn("glue", f"table/{GLUE_DATABASE}/{table.name}") for table in curated_tables())
    return [
        _read("ReadRanges", f"{PROCESSED}*"),
        Grant(
            "WriteCurated",
            ("s3:DeleteObject", "s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"),
            tuple(objects(*(f"{ANALYTICS}{domain}/*" for domain in Domain))),
        ),
        SEE_WHAT_IS_NOT_THERE,
        Grant(
            "Catalog",
            ("glue:CreateTable", "glue:GetTable", "glue:UpdateTable"),
            (*_DATABASE, *tables),
        ),
        *_glue_runtime(),
    ]


def crawler() -> list[Grant]:
    """Reads ranges to audit their schema, writes tables of its own."""
    audits = tuple(arn("glue", f"table/{GLUE_DATABASE}/audit_{domain}*") for domain in Domain)
    return [
        _read("ReadRanges", f"{PROCESSED}*"),
        SEE_WHAT_IS_NOT_THERE,
        Grant(
            "WriteAudit",
            (
                "glue:BatchCreatePartition",
                "glue:BatchGetPartition",
                "glue:CreateTable",
                "glue:GetDatabase",
                "glue:GetTable",
                "glue:GetTables",
                "glue:UpdatePartition",
                "glue:UpdateTable",
            ),
            (*_DATABASE, *audits),
            why="a crawler names a table after what it finds",
        ),
        _glue_logs(),
    ]


def _glue_runtime() -> list[Grant]:
    """What Glue itself does in the name of a job before and beside the script."""
    return [
        Grant("ReadProgram", ("s3:GetObject",), (f"arn:{Aws.PARTITION}:s3:::{ASSETS}/glue/*",)),
        _glue_logs(),
        Grant(
            "Metrics",
            ("cloudwatch:PutMetricData",),
            ("*",),
            {"StringEquals": {"cloudwatch:namespace": "Glue"}},
            why="AWS has no resource for metrics; the namespace is the limit",
        ),
    ]


def _glue_logs() -> Grant:
    return Grant(
        "Logs",
        ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
        (arn("logs", "log-group:/aws-glue/*"), arn("logs", f"log-group:{GLUE_LOGS}/*")),
        why="groups that Glue makes and names itself, and the lake's own for its jobs",
    )
