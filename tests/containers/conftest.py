"""What the container tests stand on: an engine, and the images built once."""

from __future__ import annotations

import subprocess

import pytest

from tests.containers.compose import CHECKOUT, TAG, why_no_engine

BUILD_SECONDS = 1800  # cold: every wheel and jar is fetched


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    """A container engine, or a loud skip."""
    if reason := why_no_engine():
        pytest.skip(f"no container engine answers here: {reason}")


@pytest.fixture(scope="session", autouse=True)
def images(engine: None) -> None:
    """The lake's images, built from this checkout as a person builds them."""
    del engine
    done = subprocess.run(
        ["make", "images", f"TAG={TAG}"], cwd=CHECKOUT, timeout=BUILD_SECONDS,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-6000:]
