"""The ETL jobs' figures: seconds and rows/s, cold and warm; objects and bytes before and after.

    make bench-etl          100,000 and 5,000,000 rows of each domain (10 minutes, 3 GB)

Cold is the whole program, Spark's start included; warm the same run in a Spark that has done
others. The rows are laps of the generated data set, in ranges as a busy processor writes them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from lake_core.catalog import EVENT_TIME, curated_tables, events_table
from lake_core.events import Event
from lake_core.layout import processed_prefix
from lake_core.names import BUCKET, GLUE_DATABASE, Domain
from lake_core.parsing import event_from_cells
from lake_local import emulator, generator
from lake_local.ports import free_port
from lake_local.processes import Processes
from tests.aws import REGION, Aws
from tests.integration.glue_jobs import Jobs, warm_spark
from tests.integration.waiting import eventually
from tests.integration.written_lake import WrittenLake, csv_rows

RESULT = Path(__file__).parent / "results" / "etl.json"
SIZES = {100_000: 1_000, 5_000_000: 5_000}  # rows of a domain → rows of a range
LAP_ROWS = 100_000
WRITE = {
    Domain.MANUFACTURING: generator.write_manufacturing,
    Domain.ECOMMERCE: generator.write_ecommerce,
}


@contextmanager
def running_aws(directory: Path) -> Iterator[Aws]:
    """An emulator with bucket and database, for as long as the block."""
    port = free_port()
    with Processes(directory / "logs") as processes:
        processes.start(emulator.program(port, directory, emulator.system_environment()))
        assert eventually(lambda: emulator.answers(port), 20)
        aws = Aws({
            "AWS_ENDPOINT_URL": emulator.endpoint(port), "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        })  # fmt: skip
        aws.client("s3").create_bucket(Bucket=BUCKET)
        aws.client("glue").create_database(DatabaseInput={"Name": GLUE_DATABASE})
        yield aws


def fill(lake: WrittenLake, domain: Domain, events: list[Event], rows: int, size: int) -> None:
    """Write laps of the events over two shards: readings of one plant, later and later, and
    purchases of one year, more and more."""
    time_name = EVENT_TIME[domain]
    times = [getattr(event, time_name) for event in events]
    readings = domain is Domain.MANUFACTURING
    span = dt.timedelta(days=(max(times) - min(times)).days + 1 if readings else 0)
    for lap in range(rows // len(events)):
        for event, when in zip(events, times, strict=True):
            setattr(event, time_name, when + lap * span)
        for number, first in enumerate(range(0, len(events), size)):
            lake.add_events(
                domain, events[first : first + size], shard=number % 2,
                source=f"{domain}.csv-00000000-{lap}", first_row=first,
            )  # fmt: skip


def stored(aws: Aws, prefix: str) -> tuple[int, int]:
    """Return objects and bytes below a prefix."""
    pages = aws.client("s3").get_paginator("list_objects_v2")
    sizes = [
        item["Size"]
        for page in pages.paginate(Bucket=BUCKET, Prefix=prefix)
        for item in page.get("Contents", [])
    ]
    return len(sizes), sum(sizes)


def drop_tables(aws: Aws, domain: Domain) -> None:
    """Forget the curated tables, so that the next run makes them anew."""
    for table in curated_tables():
        if table.domain == domain:
            aws.client("glue").delete_table(DatabaseName=GLUE_DATABASE, Name=table.name)
    s3 = aws.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, Prefix=f"analytics/{domain}/"
    ):
        keys = [{"Key": item["Key"]} for item in page.get("Contents", [])]
        s3.delete_objects(Bucket=BUCKET, Delete={"Objects": keys})


def cold(jobs: Jobs, domain: Domain, run: str) -> float:
    """Return the seconds of the whole program."""
    began = time.monotonic()
    job = jobs.etl(domain, run)
    assert job.ends() == 0, job.log.read_text()
    return time.monotonic() - began


def warm(aws: Aws, directory: Path, domain: Domain, rows: int) -> float:
    """Return the seconds of a run in a Spark that has just done the other domain's."""
    for one in Domain:
        drop_tables(aws, one)
    with warm_spark(aws, directory) as spark:
        for other in Domain:
            if other != domain:
                spark.etl(other)
        began = time.monotonic()
        assert spark.etl(domain)["rows_appended"] == rows
        return time.monotonic() - began


def measure(events: dict[Domain, list[Event]], rows: int, size: int) -> dict[str, Any]:
    """Return the figures of both domains at one size."""
    figures: dict[str, Any] = {}
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        aws = stack.enter_context(running_aws(directory))
        lake, jobs = WrittenLake(aws), Jobs(aws, directory)
        stack.callback(jobs.end)
        for domain, some in events.items():
            fill(lake, domain, some, rows, size)
            objects, held = stored(aws, processed_prefix(domain))
            seconds, nothing_new = cold(jobs, domain, "cold"), cold(jobs, domain, "nothing-new")
            data = f"{events_table(domain).prefix}data/"
            objects_after, held_after = stored(aws, data)
            report = json.loads(lake.read(f"analytics/{domain}/reports/cold.json"))
            figures[domain] = {
                "cold_seconds": round(seconds, 1), "cold_rows_per_second": round(rows / seconds),
                "nothing_new_seconds": round(nothing_new, 1), "of_which": report["seconds"],
                "objects_before": objects, "objects_after": objects_after,
                "bytes_per_row_before": round(held / rows, 1),
                "bytes_per_row_after": round(held_after / rows, 1),
            }  # fmt: skip
        for domain in events:
            seconds = warm(aws, directory, domain, rows)
            figures[domain] |= {
                "warm_seconds": round(seconds, 1), "warm_rows_per_second": round(rows / seconds),
            }  # fmt: skip
    return figures


def main() -> None:
    """Write bench/results/etl.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, action="append", help="of a domain; of SIZES")
    sizes = parser.parse_args().rows or list(SIZES)
    with tempfile.TemporaryDirectory() as directory:
        events = {}
        for domain in Domain:
            file = Path(directory) / f"{domain}.csv"
            WRITE[domain](file, LAP_ROWS)
            events[domain] = [event_from_cells(domain, cells) for cells in csv_rows(file)]
    figures = {str(rows): measure(events, rows, SIZES[rows]) for rows in sizes}
    there = json.loads(RESULT.read_text())["rows"] if RESULT.exists() else {}
    result = {
        "command": "make bench-etl", "python": platform.python_version(),
        "cores": os.cpu_count(), "rows": there | figures,
    }  # fmt: skip
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(RESULT.read_text())


if __name__ == "__main__":
    main()
