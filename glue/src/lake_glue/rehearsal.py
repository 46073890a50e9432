"""Rehearses a job without AWS, so that the classes it loads can be kept for the next JVMs.

    python -m lake_glue.rehearsal

`make setup` runs it. Reading and checking some twenty thousand classes is most of what a short job
does; from the archive they are mapped into memory. Without the archive all works, more slowly.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the field's own name

from lake_core.catalog import EVENT_TIME, HIVE_TYPES, events_table
from lake_core.errors import LakeError
from lake_core.names import Domain
from lake_core.rules import DEFAULT
from lake_glue import aggregates
from lake_glue.session import (
    CATALOG,
    class_archive,
    java_home,
    java_options,
    make_session,
    table_name,
)
from lake_glue.settings import REGION, Endpoints, Settings
from lake_glue.transforms import each_identity_once, with_efficiency

AWAY: Final = "http://127.0.0.1:9"  # nobody answers there; the clients are made all the same
DOMAIN: Final = Domain.MANUFACTURING
MINUTE: Final = 60.0
AT_ONCE: Final = {
    "spark.hadoop.fs.s3a.attempts.maximum": "1",
    "spark.hadoop.fs.s3a.retry.limit": "0",
    "spark.hadoop.fs.s3a.access.key": "none",
    "spark.hadoop.fs.s3a.secret.key": "none",
}


def rehearse(session: SparkSession, directory: Path) -> None:
    """Do on disk what a run of one domain does; of the other only what is its own."""
    _events(session, DOMAIN).write.parquet(str(directory))
    rows, table = session.read.parquet(str(directory)), table_name(events_table(DOMAIN).name)
    rows.writeTo(table).partitionedBy(F.months(EVENT_TIME[DOMAIN])).create()
    session.sql(f"ALTER TABLE {table} CREATE BRANCH run")
    new = each_identity_once(with_efficiency(DOMAIN, rows), session.table(table))
    new.select(*rows.columns).writeTo(f"{table}.branch_run").append()
    session.sql(f"CALL {CATALOG}.system.fast_forward('{_short(table)}', 'main', 'run')")
    session.sql(f"CALL {CATALOG}.system.rewrite_data_files('{_short(table)}')").collect()
    made = aggregates.machine_daily(session.table(table), DEFAULT)
    made.writeTo(f"{table}_made").create()
    made.writeTo(f"{table}_made").overwrite(F.lit(True))
    aggregates.customers(_events(session, Domain.ECOMMERCE), DEFAULT).collect()


def _events(session: SparkSession, domain: Domain) -> DataFrame:
    when = {EVENT_TIME[domain]: F.timestamp_seconds(F.col("id") * 1_000_000)}
    return session.range(9).select(
        *(
            when.get(c.name, F.col("id")).cast(HIVE_TYPES[c.kind]).alias(c.name)
            if c.kind.value != "bool"
            else F.lit(None).cast("boolean").alias(c.name)
            for c in events_table(domain).columns
        )
    )


def _short(table: str) -> str:
    return table.removeprefix(f"{CATALOG}.")


def knock(session: SparkSession) -> None:
    """Make the clients of catalog and bucket; what they then fail at is no loss."""
    java: Any = session
    file = java._jvm.org.apache.iceberg.aws.s3.S3FileIO()
    file.initialize({"s3.endpoint": AWAY, "client.region": REGION, "s3.access-key-id": "none",
                     "s3.secret-access-key": "none"})  # fmt: skip
    for call in (
        lambda: file.newInputFile("s3://away/away").getLength(),
        lambda: session.read.parquet("s3://away/away"),
        lambda: session.table("away.away.away"),
    ):
        with contextlib.suppress(Exception):
            call()


def main() -> None:
    """Write the archive of Java's own classes, then the one of all that a job loads."""
    archive = class_archive()
    archive.unlink(missing_ok=True)
    dump = [str(java_home() / "bin" / "java"), "-Xshare:dump", "-Xlog:disable"]
    subprocess.run(dump, check=True)  # noqa: S603 - our own Java
    os.environ |= {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    with tempfile.TemporaryDirectory() as directory:
        session = make_session(
            "rehearsal",
            Settings("rehearsal", "rehearsal", REGION, Endpoints(AWAY, AWAY)),
            {
                **AT_ONCE,
                f"spark.sql.catalog.{CATALOG}.type": "hadoop",
                f"spark.sql.catalog.{CATALOG}.io-impl": "org.apache.iceberg.hadoop.HadoopFileIO",
                f"spark.sql.catalog.{CATALOG}.warehouse": directory,
                "spark.sql.catalog.away": "org.apache.iceberg.spark.SparkCatalog",
                "spark.sql.catalog.away.type": "glue",
                "spark.sql.catalog.away.warehouse": "s3://away/away",
                "spark.sql.catalog.away.glue.endpoint": AWAY,
                "spark.sql.catalog.away.client.region": REGION,
                "spark.driver.extraJavaOptions": java_options(
                    f"-XX:ArchiveClassesAtExit={archive}"
                ),
            },
        )
        rehearse(session, Path(directory) / "ranges")
        knock(session)
        _end(session)
    if not archive.exists():
        raise LakeError(f"{archive} was not written; see above")


def _end(session: SparkSession) -> None:
    java: Any = session.sparkContext
    process = java._gateway.proc
    session.stop()
    process.stdin.close()  # the JVM ends, and writes the archive as it does
    process.wait(MINUTE)


if __name__ == "__main__":
    main()
