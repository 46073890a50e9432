"""Fixtures of the tests that talk to an AWS emulator; its known differences are expected."""

from __future__ import annotations

import pytest

from tests.aws import aws, emulator
from tests.differences import DIFFERENCES

__all__ = ["aws", "emulator"]


@pytest.fixture(autouse=True)
def _known_difference(request: pytest.FixtureRequest) -> None:
    """Expect a test to fail that shows what this emulator is known to do otherwise."""
    if not {"aws", "emulator"} & set(request.fixturenames):
        return
    kind = request.getfixturevalue("emulator").kind
    if reason := DIFFERENCES[kind].get(request.function.__name__):
        request.applymarker(pytest.mark.xfail(reason=f"{kind}: {reason}", strict=True))
