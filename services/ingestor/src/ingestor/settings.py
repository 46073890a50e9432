"""The ingestor's settings: `INGESTOR_…`, read once, strict."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lake_core.metrics import HELP, Target, parse_target
from lake_core.settings import flag, positive_float, positive_int, setting

PREFIX: Final = "INGESTOR_"


@dataclass(frozen=True, slots=True)
class Settings:
    """Every variable, with unit, default and reason."""

    bucket: str = setting(str, help="the bucket of the lake")
    shard_limits: bool = setting(
        flag,
        help="keep to Kinesis' 1 MB/s and 1,000 records/s a shard; an emulator has no such limits",
        default=True,
    )
    deadline_seconds: float = setting(
        positive_float, help="how long one record may be refused before giving up", default=120.0
    )
    packed_payload_bytes: int = setting(
        positive_int,
        help="bytes in a packed record before compression, at most; it is made to fill whole PUT "
        "payload units of 25 KB, and larger records waste less of the last one",
        default=1024 * 1024,
    )
    linger_seconds: float = setting(
        positive_float,
        help="how long a paced event may wait for others to be packed with",
        default=0.5,
    )
    heartbeats: Path | None = setting(
        Path,
        help="a directory in which each replay touches a file named like its stream while it gets "
        "on; none: no heartbeat",
        default=None,
    )
    metrics: Target | None = setting(parse_target, help=f"{HELP}; unset: nowhere", default=None)
