"""The application's settings: `INFRA_…`, read once, strict. `make synth` needs none of them."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lake_core.settings import setting
from lake_infra.stages import STAGES

PREFIX: Final = "INFRA_"
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)  # of an image, in ECR
_CERTIFICATE: Final = re.compile(r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/\S+", re.ASCII)
_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+", re.ASCII)


def _stage(text: str) -> str:
    if text in STAGES:
        return text
    raise ValueError(f"expected one of {', '.join(STAGES)}")


def _tag(text: str) -> str:
    if _TAG.fullmatch(text):
        return text
    raise ValueError("not a tag that an image can have")


def _certificate(text: str) -> str:
    if _CERTIFICATE.fullmatch(text):
        return text
    raise ValueError("expected the ARN of a certificate in ACM")


def _networks(text: str) -> tuple[str, ...]:
    return tuple(str(ipaddress.IPv4Network(part.strip())) for part in text.split(","))


def _email(text: str) -> str:
    if _ADDRESS.fullmatch(text):
        return text
    raise ValueError("expected an e-mail address")


@dataclass(frozen=True, slots=True)
class Settings:
    """Every variable, with unit, default and reason."""

    stage: str = setting(_stage, help="dev or prod: lake_infra/stages.py", default="dev")
    image_tag: str = setting(
        _tag, help="tag of the three images in ECR; the revision they were built from",
        default="none",
    )  # fmt: skip
    api_networks: tuple[str, ...] = setting(
        _networks,
        help="who may reach the API: IPv4 networks by comma, 203.0.113.7/32; none: nobody outside",
        default=(),
    )
    certificate: str | None = setting(
        _certificate, help="ARN of a certificate for the API; without one it speaks plain HTTP",
        default=None,
    )  # fmt: skip
    alarm_email: str | None = setting(
        _email, help="who is told of alarms, failures and the budget", default=None
    )
    artifacts: Path = setting(
        Path, help="where the Glue jobs' wheels were built", default=Path("infra/dist")
    )
