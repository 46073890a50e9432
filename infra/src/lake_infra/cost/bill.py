"""The bill of a load: lines, each a quantity times a unit price."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from lake_infra.cost.load import GB, HOURS, PUT_UNIT, SECONDS, STREAMS, Load
from lake_infra.cost.prices import Prices, between
from lake_infra.stages import DEV, Size

POLL_SECONDS: Final = 5.0  # ANALYTICS_API_POLL_SECONDS as deployed
ETL_RUNS: Final = HOURS * 2  # both domains, by the hour
ETL_DPUS: Final = 2.0
# Not measured on AWS: the start of Spark, then rows a second of two workers.
ETL_START_SECONDS: Final = 75.0
ETL_ROWS_A_SECOND: Final = 200_000.0
TRANSITIONS: Final = 12.0  # of an execution that succeeds
TASKS_AN_HOUR: Final = 3.0
TASK_HOURS: Final = 1.5 / 60  # an analytics task, image pull included
INGEST_RUNS: Final = 2 * 12 * HOURS
INGEST_HOURS: Final = 1 / 60  # ECS' least
SCHEDULED_EVENTS: Final = 101_000.0  # more come from producers of the user's own
ALARMS: Final = 16.0  # 14 and the API's two of autoscaling
LOG_METRICS: Final = 4.0
# What processors and ingestor tell (lake_core.metrics): names in CloudWatch, a stream each.
TOLD_METRICS: Final = 8.0 * STREAMS
TOLD_BYTES: Final = 1_100.0  # a line a minute and shard
CURATED_MONTHS: Final = 1.0  # each further month adds as much again


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill, in USD a month."""

    part: str
    what: str
    usd: float


def bill(load: Load, prices: Prices) -> list[Line]:
    """Return every line of the lake's bill, stage dev, Spot not counted."""
    return [
        *_stream(load, prices),
        *_processing(load, prices),
        *_storage(load, prices),
        *_batch(load, prices),
        *_answers(load, prices),
        *_watching(load, prices),
    ]


def total(lines: list[Line]) -> float:
    """Return the sum in USD a month."""
    return math.fsum(line.usd for line in lines)


def _stream(load: Load, prices: Prices) -> list[Line]:
    name = "Kinesis"
    if load.on_demand:
        rounded = load.records * math.ceil(_record_bytes(load) / 1024) * 1024
        return [
            Line(name, "streams, by the hour", STREAMS * HOURS * prices["on_demand_stream_hour"]),
            Line(name, "GB in", rounded / GB * prices["on_demand_in_gb"]),
            Line(name, "GB out", load.events * load.stream_bytes / GB * prices["on_demand_out_gb"]),
        ]
    units = load.records * math.ceil(_record_bytes(load) / PUT_UNIT)
    return [
        Line(name, "shards, by the hour", load.shards * HOURS * prices["shard_hour"]),
        Line(name, "PUT units of 25 KB", units / 1e6 * prices["put_units_million"]),
    ]


def _record_bytes(load: Load) -> float:
    return load.events * load.stream_bytes / load.records


def task_hour(size: Size, prices: Prices) -> float:
    """Return what a task of a size costs an hour."""
    memory = size.memory / 1024 * prices["memory_gb_hour"]
    return size.cpu / 1024 * prices["vcpu_hour"] + memory


def _processing(load: Load, prices: Prices) -> list[Line]:
    writes = load.measured.lease_writes * load.shards * SECONDS
    reads = load.measured.lease_reads * load.shards * SECONDS
    alerts = load.events * load.measured.alert_share / 1e6
    lines = [
        Line(
            "Processors", "Fargate tasks",
            load.processors * HOURS * task_hour(load.processor, prices),
        ),
        Line(
            "Processors", "public addresses",
            load.processors * HOURS * prices["public_ipv4_hour"],
        ),
        Line(
            "Processors", "leases and checkpoints in DynamoDB",
            writes / 1e6 * prices["writes_million"] + reads / 1e6 * prices["reads_million"],
        ),
        Line("Live view", "chunks in DynamoDB", load.live_units / 1e6 * prices["writes_million"]),
        Line(
            "Live view", "looks of the API",
            load.live_read_units * DEV.api_tasks[0] / 1e6 * prices["reads_million"],
        ),
        Line("Live view", "alerts on EventBridge", alerts * prices["events_million"]),
        Line("Live view", "alerts to the topic", alerts * prices["notices_million"]),
    ]  # fmt: skip
    if load.events_per_day <= SCHEDULED_EVENTS:
        hour = task_hour(DEV.ingestor, prices) + prices["public_ipv4_hour"]
        hours = INGEST_RUNS * INGEST_HOURS
        lines.append(Line("Ingestor", "scheduled every 5 minutes", hours * hour))
    return lines


def stored_gb(load: Load) -> tuple[float, float]:
    """Return GB under `processed/` (until its versions are gone) and in the curated tables."""
    row = between(load.measured.range_bytes_a_row, load.rows_a_range)
    kept = DEV.processed_days + DEV.old_version_days
    dense = min(load.measured.range_bytes_a_row.values())
    processed = load.events_per_day * kept * row / GB
    return processed, load.events * CURATED_MONTHS * dense / GB


def _storage(load: Load, prices: Prices) -> list[Line]:
    processed, curated = stored_gb(load)
    gets = 2 * load.ranges  # the API and the ETL read each range once
    return [
        Line("S3", "processed/, 30 days and old versions", processed * prices["s3_gb_month"]),
        Line("S3", "curated tables, a month of data", curated * prices["s3_gb_month"]),
        Line("S3", "PUT of ranges", load.ranges / 1e3 * prices["s3_put_thousand"]),
        Line("S3", "GET of ranges", gets / 1e3 * prices["s3_get_thousand"]),
    ]


def glue_starts(prices: Prices) -> float:
    """Return what the hourly runs cost beyond their rows."""
    return ETL_START_SECONDS * ETL_RUNS / 3600 * ETL_DPUS * prices["dpu_hour"]


def _batch(load: Load, prices: Prices) -> list[Line]:
    rows = load.events / ETL_ROWS_A_SECOND / 3600 * ETL_DPUS * prices["dpu_hour"]
    tasks = TASKS_AN_HOUR * HOURS * TASK_HOURS
    hour = task_hour(DEV.analytics, prices) + prices["public_ipv4_hour"]
    return [
        Line("Batch", "Glue jobs, hourly", glue_starts(prices) + rows),
        Line("Batch", "analytics tasks", tasks * hour),
        Line(
            "Batch", "Step Functions and schedules",
            TRANSITIONS * HOURS / 1e3 * prices["transitions_thousand"]
            + (INGEST_RUNS + HOURS) / 1e6 * prices["schedules_million"],
        ),
    ]  # fmt: skip


def _answers(load: Load, prices: Prices) -> list[Line]:
    least, _ = DEV.api_tasks
    looks = SECONDS / POLL_SECONDS * load.measured.lists_a_look * least
    return [
        Line("API", "Fargate tasks", least * HOURS * task_hour(DEV.api, prices)),
        Line(
            "API", "load balancer",
            HOURS * (prices["balancer_hour"] + prices["balancer_unit_hour"]),
        ),
        Line("API", "public addresses", (least + 2) * HOURS * prices["public_ipv4_hour"]),
        Line("API", "listings of the lake", looks / 1e3 * prices["s3_put_thousand"]),
    ]  # fmt: skip


def _watching(load: Load, prices: Prices) -> list[Line]:
    told = SECONDS / 60 * load.shards * TOLD_BYTES
    logged = (load.ranges * load.measured.range_log_bytes + told) / GB
    return [
        Line("Watching", "logs", logged * prices["logs_gb"]),
        Line(
            "Watching", "alarms, metrics, key",
            ALARMS * prices["alarm_month"] + (LOG_METRICS + TOLD_METRICS) * prices["metric_month"]
            + prices["key_month"],
        ),
        Line("Watching", "images", load.measured.image_gb * 3 * prices["images_gb_month"]),
    ]  # fmt: skip
