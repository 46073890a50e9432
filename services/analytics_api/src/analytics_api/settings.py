"""The API's settings: `ANALYTICS_API_…`, read once, strict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lake_core.rules import rule_set
from lake_core.settings import positive_float, setting

PREFIX: Final = "ANALYTICS_API_"
MAX_PORT: Final = 65535


def _port(text: str) -> int:
    if 0 < (port := int(text)) <= MAX_PORT:
        return port
    raise ValueError(f"expected a port, 1 to {MAX_PORT}")


def _rule_set_name(text: str) -> str:
    return rule_set(text).name


@dataclass(frozen=True, slots=True)
class Settings:
    """Every variable, with unit, default and reason."""

    bucket: str = setting(str, help="the bucket of the lake")
    host: str = setting(
        str, help="address to listen on; 0.0.0.0 in a container", default="127.0.0.1"
    )
    port: int = setting(_port, help="port to listen on", default=8000)
    poll_seconds: float = setting(
        positive_float, help="seconds between two looks for new objects", default=1.0
    )
    rule_set: str = setting(_rule_set_name, help="name of the rule set", default="default")
    live_table: str | None = setting(
        str, help="the DynamoDB table of the live view; none: the lake alone", default=None
    )
    live_seconds: float = setting(
        positive_float, help="seconds between two looks at the live view", default=0.25
    )
