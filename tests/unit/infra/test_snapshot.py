"""What a change does to the infrastructure stands in the repository beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lake_infra.snapshot import reviewable
from lake_infra.stages import STAGES
from tests.unit.infra.conftest import Templates

SNAPSHOT = Path(__file__).resolve().parents[3] / "infra" / "snapshot"


@pytest.mark.parametrize("stage", STAGES)
def test_the_templates_are_those_in_the_repository(
    stage: str, synthesised: Callable[[str], Templates]
) -> None:
    made = {name: reviewable(template) for name, template in synthesised(stage).items()}
    kept = {p.stem: p.read_text(encoding="utf-8") for p in (SNAPSHOT / stage).glob("*.json")}
    changed = sorted(name for name in made.keys() | kept.keys() if made.get(name) != kept.get(name))
    assert not changed, "look at the difference after `make snapshot`, and commit it"
