"""The local lake's settings: `LAKE_…`, read once, strict. `make run` needs none of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lake_core.rules import rule_set
from lake_core.settings import positive_float, positive_int, setting

PREFIX: Final = "LAKE_"
WORKER_PREFIX: Final = "BATCH_WORKER_"
HIGHEST_PORT: Final = 65535


def port(text: str) -> int:
    """Read a port number; 0 lets the system choose a free one."""
    if 0 <= (value := int(text)) <= HIGHEST_PORT:
        return value
    raise ValueError("expected a port, 0 to 65535")


def _rule_set_name(text: str) -> str:
    return rule_set(text).name


@dataclass(frozen=True, slots=True)
class Settings:
    """Every variable, with unit, default and reason."""

    directory: Path = setting(
        Path, help="where the lake, its logs and its state are written", default=Path(".lake")
    )
    data_directory: Path = setting(
        Path, help="where generated CSVs are kept between runs", default=Path("data")
    )
    api_port: int = setting(port, help="port of the API on 127.0.0.1", default=8000)
    emulator_port: int = setting(
        port, help="port of the emulator on 127.0.0.1; 0: any free one", default=0
    )
    manufacturing_rows: int = setting(
        positive_int, help="rows of the generated manufacturing file", default=100_000
    )
    ecommerce_rows: int = setting(
        positive_int, help="rows of the generated e-commerce file", default=1_000
    )
    manufacturing_shards: int = setting(
        positive_int, help="shards of the manufacturing stream; each is a process", default=2
    )
    ecommerce_shards: int = setting(
        positive_int, help="shards of the e-commerce stream; each is a process", default=1
    )
    retention_hours: int = setting(
        positive_int, help="hours the streams keep records; below 24 I8 fails", default=24
    )
    max_age_seconds: float = setting(
        positive_float,
        help="seconds a record may wait to be written: at 5 a lake left running overnight stays "
        "near 2,000 objects an hour, and an answer is seconds old",
        default=5.0,
    )
    poll_seconds: float = setting(
        positive_float, help="seconds between the API's looks at the lake", default=1.0
    )
    manufacturing_rate: float = setting(
        positive_float, help="readings a second of the live trickle", default=20.0
    )
    ecommerce_rate: float = setting(
        positive_float, help="purchases a second of the live trickle", default=5.0
    )
    rule_set: str = setting(_rule_set_name, help="name of the rule set", default="default")
    stall_seconds: float = setting(
        positive_float, help="seconds without progress after which a demo gives up", default=120.0
    )
    etl_every_seconds: float = setting(
        positive_float, help="seconds between scheduled runs of the batch workflow", default=3600.0
    )
    etl_at_once: int = setting(
        positive_int,
        help="batch steps at work at a time; two Sparks fill two cores and 2 GB",
        default=2,
    )


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """The batch worker's: what it starts the steps' programs with."""

    glue_python: Path = setting(Path, help="interpreter of the Glue jobs' environment")
    analytics_api_python: Path = setting(Path, help="interpreter of the analytics tasks'")
    logs: Path = setting(Path, help="directory of the steps' logs")
    at_once: int = setting(positive_int, help="steps at work at a time", default=2)
    every_seconds: float = setting(
        positive_float, help="seconds between the executions it starts", default=3600.0
    )
    rule_set: str = setting(_rule_set_name, help="name of the rule set", default="default")
