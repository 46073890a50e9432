"""The MultiLangDaemon's configuration and command line. Pure: text from settings."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lake_core.names import PROCESSORS
from processor.settings import Settings

MAIN_CLASS: Final = "software.amazon.kinesis.multilang.MultiLangDaemon"
# KCL 3 starts its own balancing once it has seen worker metrics for about 11 minutes, and with it
# comes a leader lock of 120 s that no property shortens. Metrics that are never captured keep the
# fast failover of the 2.x mode (measured: 8 s instead of 145 s).
NEVER_MILLISECONDS: Final = 100 * 365 * 24 * 3600 * 1000


def application_name(settings: Settings, incarnation: str) -> str:
    """Return the KCL application: it belongs to one incarnation of the stream (I2)."""
    return f"{PROCESSORS[settings.domain]}-{incarnation}"


def lease_table(settings: Settings) -> str:
    """Return the lease table: a fixed name, so that a role can name it."""
    return PROCESSORS[settings.domain]


def coordinator_table(settings: Settings) -> str:
    """Return KCL's table of coordinator state."""
    return f"{lease_table(settings)}-CoordinatorState"


def endpoint(environment: Mapping[str, str], service: str) -> str | None:
    """Return what the AWS SDKs' own variables name in place of AWS; the service's own wins."""
    own = environment.get(f"AWS_ENDPOINT_URL_{service.upper()}")
    return own or environment.get("AWS_ENDPOINT_URL")


def properties(settings: Settings, incarnation: str, environment: Mapping[str, str]) -> str:
    """Return the daemon's properties file."""
    kinesis = endpoint(environment, "kinesis")
    values: dict[str, object] = {
        "executableName": f"{sys.executable} -m processor child",
        "processingLanguage": "python/3.11",
        "streamName": settings.stream,
        "applicationName": application_name(settings, incarnation),
        "tableName": lease_table(settings),
        "workerMetricsTableName": f"{lease_table(settings)}-WorkerMetricStats",
        "coordinatorStateTableName": coordinator_table(settings),
        "AWSCredentialsProvider": _credentials_provider(environment),
        "regionName": environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
        "initialPositionInStream": "TRIM_HORIZON",
        "retrievalMode": "POLLING",
        "metricsLevel": settings.metrics_level,
        "idleTimeBetweenReadsInMillis": settings.idle_milliseconds,
        "maxRecords": settings.max_records,
        # An empty read lets a child write what is due by age and checkpoint it.
        "callProcessRecordsEvenForEmptyRecordList": "true",
        "clientVersionConfig": "CLIENT_VERSION_CONFIG_COMPATIBLE_WITH_2X",
        "inMemoryWorkerMetricsCaptureFrequencyMillis": NEVER_MILLISECONDS,
        "failoverTimeMillis": settings.failover_milliseconds,
        "maxLeasesToStealAtOneTime": 10,
        "shardSyncIntervalMillis": 2000 if kinesis else 60_000,
        "parentShardPollIntervalMillis": 500 if kinesis else 10_000,
        "shutdownGraceMillis": settings.shutdown_grace_milliseconds,
        "validateSequenceNumberBeforeCheckpointing": "false",
    }
    if settings.worker_id:
        values["workerId"] = settings.worker_id
    values["kinesisEndpoint"] = kinesis
    values["dynamoDBEndpoint"] = endpoint(environment, "dynamodb")
    return "".join(f"{name} = {value}\n" for name, value in values.items() if value is not None)


def _credentials_provider(environment: Mapping[str, str]) -> str:
    if "AWS_ACCESS_KEY_ID" in environment:
        return "EnvironmentVariableCredentialsProvider"
    return "DefaultCredentialsProvider"


def logback(level: str = "WARN") -> str:
    """Return the daemon's log configuration: JSON lines on stderr.

    A child's stderr is passed on line by line as it is; the daemon's own copy of it is silenced.
    So are two warnings that each start and stop would bring although nothing is wrong.
    """
    return f"""\
<configuration>
  <statusListener class="ch.qos.logback.core.status.NopStatusListener"/>
  <appender name="STDERR" class="ch.qos.logback.core.ConsoleAppender">
    <target>System.err</target>
    <encoder class="ch.qos.logback.classic.encoder.JsonEncoder"/>
  </appender>
  <logger name="software.amazon.kinesis.multilang.DrainChildSTDERRTask" level="OFF"/>
  <logger name="software.amazon.kinesis.worker.WorkerMetricsSelector" level="ERROR"/>
  <logger name="software.amazon.kinesis.metrics.CloudWatchPublisherRunnable" level="ERROR"/>
  <logger name="software.amazon.awssdk" level="WARN"/>
  <root level="{level}"><appender-ref ref="STDERR"/></root>
</configuration>
"""


def java_command(settings: Settings, directory: Path, jars: Path, *, emulator: bool) -> list[str]:
    """Return the command line of the daemon, its configuration being in `directory`."""
    return [
        str(settings.java),
        f"-Xmx{settings.heap_megabytes}m",
        # Saves 4 s of start, a third of the CPU and 70 MB; the JVM only passes records on.
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-XX:+ExitOnOutOfMemoryError",
        *(["-Daws.cborEnabled=false"] if emulator else []),
        "-cp",
        f"{directory}:{jars}/*",
        MAIN_CLASS,
        "--properties-file",
        str(directory / "daemon.properties"),
        "--log-configuration",
        str(directory / "logback.xml"),
    ]
