"""Runs ETLs one after another in one Spark: a line of JSON in for each, its report out.

Started by `glue_jobs.py` with the Python of the glue environment.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pyspark.sql import SparkSession

from lake_core.catalog import events_table
from lake_core.logs import configure_logging
from lake_core.names import Domain
from lake_glue import etl
from lake_glue.s3_objects import s3_objects
from lake_glue.session import make_session
from lake_glue.settings import Settings, add_arguments, parse
from lake_glue.snapshots import Moved
from lake_glue.tables import Curated


def compact_at_once(
    spark: SparkSession, settings: Settings, wanted: dict[str, Any]
) -> list[int | str]:
    """Compact a domain's events so many times at once; return what became of each."""
    together = threading.Barrier(wanted["compactions"])

    class Together(Curated):
        def _call(self, procedure: str, *arguments: str) -> Any:
            together.wait(60)  # each has seen the same files before one has put them together
            return super()._call(procedure, *arguments)

    def compact(_: int) -> int | str:
        table = Together(spark, events_table(Domain(wanted["domain"])), settings.bucket)
        try:
            return table.compact(wanted["compacted_from"])
        except Moved as moved:
            return str(moved)

    with ThreadPoolExecutor(wanted["compactions"]) as pool:
        return list(pool.map(compact, range(wanted["compactions"])))


def main() -> None:
    """Serve until the input ends."""
    configure_logging("glue")
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    _, settings = parse(parser, [], os.environ)
    spark = make_session("tests", settings)
    for line in sys.stdin:
        wanted = json.loads(line)
        vars(etl)["COMPACTED_FROM"] = wanted["compacted_from"]
        if wanted["compactions"]:
            report: dict[str, Any] = {"put_together": compact_at_once(spark, settings, wanted)}
        else:
            own = dataclasses.replace(settings, run_id=wanted["run_id"])
            run = etl.Etl(spark, own, s3_objects(own), Domain(wanted["domain"])).run()
            report = dataclasses.asdict(run)
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()
    spark.stop()


main()
