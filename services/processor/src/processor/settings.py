"""The processor's settings: `PROCESSOR_…`, read once, strict."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lake_core.metrics import HELP, Target, parse_target
from lake_core.names import Domain, domain_of_stream
from lake_core.rules import rule_set
from lake_core.settings import flag, positive_float, positive_int, setting
from processor.fail_points import FailPoint

PREFIX: Final = "PROCESSOR_"
MIB: Final = 1024 * 1024


def _stream(text: str) -> str:
    try:
        domain_of_stream(text)
    except KeyError:
        raise ValueError("not one of the lake's streams") from None
    return text


def _rule_set_name(text: str) -> str:
    return rule_set(text).name


@dataclass(frozen=True, slots=True)
class Settings:
    """Every variable, with unit, default and reason."""

    stream: str = setting(_stream, help="the Kinesis stream to process")
    bucket: str = setting(str, help="the bucket of the lake")
    state_directory: Path = setting(Path, help="a writable directory for heartbeats and config")
    java: Path = setting(Path, help="the java binary, 17 or newer", default=Path("java"))
    worker_id: str | None = setting(
        str,
        help="stable name of this worker; one that comes back takes its leases over in seconds",
        default=None,
    )
    rule_set: str = setting(_rule_set_name, help="name of the rule set", default="default")
    max_rows: int = setting(
        positive_int, help="entries a range may hold; 50,000 make about 0.6 MB", default=50_000
    )
    max_bytes: int = setting(
        positive_int, help="bytes of entries a range may hold: memory of a child", default=32 * MIB
    )
    max_age_seconds: float = setting(
        positive_float,
        help="seconds a record may wait to be written: freshness against small objects",
        default=60.0,
    )
    live_table: str | None = setting(
        str, help="the DynamoDB table of the live view; none: no live view", default=None
    )
    failover_milliseconds: int = setting(
        positive_int, help="a worker silent for so long loses its leases", default=3000
    )
    idle_milliseconds: int = setting(
        positive_int,
        help="pause between reads of a shard; KCL's floor is 200, live chunks are 250 apart",
        default=250,
    )
    max_records: int = setting(
        positive_int,
        help="records a read may bring; at five reads a second, 2,000 small ones are what a shard "
        "gives, 2 MB/s",
        default=2000,
    )
    shutdown_grace_milliseconds: int = setting(
        positive_int, help="time for hand-over after SIGTERM; 90000 on ECS", default=20_000
    )
    heap_megabytes: int = setting(
        positive_int,
        help="most heap of the JVM; half of it does, but for KPL aggregates: KCL unfolds 10 MB of "
        "them a shard at once, and four shards together run out of 256",
        default=512,
    )
    metrics_level: str = setting(
        str, help="KCL's CloudWatch metrics: NONE, SUMMARY or DETAILED (costs)", default="NONE"
    )
    metrics: Target | None = setting(
        parse_target,
        help=f"{HELP}; unset: files in the state directory's metrics/",
        default=None,
    )
    deployed: bool = setting(
        flag, help="whether this is a deployed image, which refuses a fail point", default=False
    )
    fail_point: FailPoint | None = setting(
        FailPoint.parse, help="where a child kills itself, for tests: <name>:<n>", default=None
    )

    @property
    def domain(self) -> Domain:
        """The domain the stream carries."""
        return domain_of_stream(self.stream)

    @property
    def heartbeats(self) -> Path:
        """Where each child touches a file named like its shard."""
        return self.state_directory / "heartbeats"

    @property
    def metrics_target(self) -> Target:
        """Where each child writes its metrics."""
        return self.metrics or self.state_directory / "metrics"

    @property
    def stream_facts_file(self) -> Path:
        """What `run` learnt of the stream, for its children."""
        return self.state_directory / "stream.json"
