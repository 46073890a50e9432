"""Both stages, synthesised once: Node takes seconds for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lake_infra import snapshot
from lake_infra.artifacts import Artifacts
from lake_infra.settings import Settings

Templates = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stand-ins for what the Glue jobs run."""
    return Artifacts.stand_ins(tmp_path_factory.mktemp("programs")).directory


@pytest.fixture(scope="session")
def synthesised(
    tmp_path_factory: pytest.TempPathFactory, programs: Path
) -> Callable[[str], Templates]:
    """Return the templates of a stage by stack name."""

    @cache
    def of(stage: str) -> Templates:
        settings = Settings(stage=stage, artifacts=programs)
        return snapshot.templates(settings, tmp_path_factory.mktemp(stage))

    return of


@pytest.fixture(scope="session")
def dev(synthesised: Callable[[str], Templates]) -> Templates:
    return synthesised("dev")


@pytest.fixture(scope="session")
def prod(synthesised: Callable[[str], Templates]) -> Templates:
    return synthesised("prod")


@pytest.fixture(scope="session")
def named(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Templates:
    """Stage dev as somebody deploys it: with a certificate, a network let in, an address told."""
    settings = Settings(
        certificate="arn:aws:acm:us-east-1:000000000000:certificate/1",
        api_networks=("203.0.113.7/32",),
        alarm_email="on-call@example.com",
        artifacts=programs,
    )
    return snapshot.templates(settings, tmp_path_factory.mktemp("named"))
