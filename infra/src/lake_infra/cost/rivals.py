"""What the same events would cost on AWS's own ways into a queryable table.

Compared from the event on a stream to files that a query engine reads. None of them scores, proves
completeness or answers over HTTP; who buys them builds that on top.
"""

from __future__ import annotations

import math
from typing import Final

from lake_infra.cost.bill import Line, bill
from lake_infra.cost.load import DAYS, GB, HOURS, STREAMS, Load
from lake_infra.cost.prices import Prices

KIB: Final = 1024.0
FIREHOSE_STEP: Final = 5 * KIB
FIREHOSE_BUFFER_SECONDS: Final = 300.0  # its default: an object each, and stream
PARQUET_BYTES: Final = 21.0  # of a row in defaults of Parquet writers: 2.06 MB for 100,000 rows
OURS: Final = frozenset({"Kinesis", "Processors", "S3", "Batch"})


def ours(load: Load, prices: Prices) -> float:
    """Return what the lake takes for the same stretch: stream, processors, objects, batch."""
    return math.fsum(line.usd for line in bill(load, prices) if line.part in OURS)


def firehose(load: Load, prices: Prices) -> list[Line]:
    """Producers put plain JSON to Firehose, which writes Parquet."""
    step = math.ceil(load.measured.json_bytes / FIREHOSE_STEP) * FIREHOSE_STEP
    return [
        Line(
            "Firehose", "taken in, 5 KB a record", load.events * step / GB * prices["firehose_gb"]
        ),
        _converted(load, prices),
        *_objects(load, prices),
    ]


def kinesis_and_firehose(load: Load, prices: Prices) -> list[Line]:
    """A stream on demand, so that others can read it too, and Firehose behind it."""
    return [*_on_demand(load, prices), *firehose(load, prices)]


def streaming_tables(load: Load, prices: Prices) -> list[Line]:
    """A stream on demand, delivered into Iceberg tables in S3 Tables, which compacts them."""
    gb = load.events * load.measured.json_bytes / GB
    stored = load.events * PARQUET_BYTES / GB
    commits = DAYS * 24 * 3600 / FIREHOSE_BUFFER_SECONDS * STREAMS
    return [
        *_on_demand(load, prices),
        Line("Delivery", "into Iceberg tables", gb * prices["firehose_iceberg_gb"]),
        Line("S3 Tables", "storage, a month of data", stored * prices["s3_tables_gb_month"]),
        Line("S3 Tables", "PUT", 3 * commits / 1e3 * prices["s3_put_thousand"]),
        Line("S3 Tables", "monitoring", commits / 1e3 * prices["s3_tables_monitoring_thousand"]),
        Line(
            "S3 Tables", "compaction",
            stored * prices["s3_tables_compaction_gb"]
            + commits / 1e3 * prices["s3_tables_compaction_thousand"],
        ),
    ]  # fmt: skip


def _on_demand(load: Load, prices: Prices) -> list[Line]:
    size = math.ceil(load.measured.json_bytes / KIB) * KIB
    out = load.events * load.measured.json_bytes / GB
    return [
        Line("Kinesis", "streams, by the hour", STREAMS * HOURS * prices["on_demand_stream_hour"]),
        Line("Kinesis", "GB in", load.events * size / GB * prices["on_demand_in_gb"]),
        Line("Kinesis", "GB out", out * prices["on_demand_out_gb"]),
    ]


def _converted(load: Load, prices: Prices) -> Line:
    gb = load.events * load.measured.json_bytes / GB
    return Line("Firehose", "converted to Parquet", gb * prices["firehose_parquet_gb"])


def _objects(load: Load, prices: Prices) -> list[Line]:
    puts = DAYS * 24 * 3600 / FIREHOSE_BUFFER_SECONDS * STREAMS
    stored = load.events * PARQUET_BYTES / GB
    return [
        Line("S3", "a month of data", stored * prices["s3_gb_month"]),
        Line("S3", "PUT", puts / 1e3 * prices["s3_put_thousand"]),
    ]
