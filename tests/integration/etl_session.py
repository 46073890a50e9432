"""Runs ETLs one after another in one Spark: a line of JSON in for each, its report out.

Started by `glue_jobs.py` with the Python of the glue environment.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys

from lake_core.logs import configure_logging
from lake_core.names import Domain
from lake_glue import etl
from lake_glue.s3_objects import s3_objects
from lake_glue.session import make_session
from lake_glue.settings import add_arguments, parse


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
        own = dataclasses.replace(settings, run_id=wanted["run_id"])
        run = etl.Etl(spark, own, s3_objects(own), Domain(wanted["domain"])).run()
        sys.stdout.write(json.dumps(dataclasses.asdict(run)) + "\n")
        sys.stdout.flush()
    spark.stop()


main()
