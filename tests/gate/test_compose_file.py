"""The compose file is one, and keeps what it promises on paper; no engine is needed for that."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
EMULATOR = "localstack"  # an image of others: it is not hardened
ONCE = {"data", "provision"}


def _has_compose() -> bool:
    if shutil.which("docker") is None:
        return False
    asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return asked.returncode == 0


pytestmark = pytest.mark.skipif(
    not _has_compose(), reason="docker compose (the client) is not installed"
)


def config(*files: str, **variables: str) -> subprocess.CompletedProcess[str]:
    named = [word for file in files for word in ("--file", file)]
    return subprocess.run(
        ["docker", "compose", *named, "--profile", "*", "config", "--format", "json"],
        cwd=CHECKOUT, env={"PATH": os.environ["PATH"], "HOME": "/", **variables},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@functools.cache
def services() -> dict[str, dict[str, Any]]:
    done = config()
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)["services"]
    return found


def ours() -> dict[str, dict[str, Any]]:
    return {name: service for name, service in services().items() if name != EMULATOR}


def test_every_compose_file_is_valid() -> None:
    for files in (["docker-compose.yml"], ["docker-compose.yml", "tests/containers/once.yml"]):
        done = config(*files)
        assert done.returncode == 0, done.stderr
        assert done.stderr == "", "a warning: a variable without a default?"


def test_ports_are_bound_to_this_machine_alone() -> None:
    for name, service in services().items():
        for port in service.get("ports", ()):
            assert port["host_ip"] == "127.0.0.1", name


def test_every_part_is_hardened_and_limited() -> None:
    for name, service in services().items():
        assert service["init"], name
        assert int(service["mem_limit"]) > 0, name
        assert service["pids_limit"], name
    for name, service in ours().items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["build"]["args"]["PYTHON_IMAGE"], name


def test_nothing_starts_before_what_it_stands_on() -> None:
    for name, service in services().items():
        for other, wanted in service.get("depends_on", {}).items():
            condition = "service_completed_successfully" if other in ONCE else "service_healthy"
            assert wanted["condition"] == condition, (name, other)


def test_a_variable_moves_the_api_and_another_brings_the_csvs() -> None:
    done = config(PORT="8123", CSV_DIRECTORY="/somewhere")
    found = json.loads(done.stdout)["services"]
    assert [port["published"] for port in found["analytics-api"]["ports"]] == ["8123"]
    given = next(v for v in found["ingestor"]["volumes"] if v["target"] == "/given")
    assert (given["type"], given["source"], given["read_only"]) == ("bind", "/somewhere", True)
