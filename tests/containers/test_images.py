"""What is in the images, and what is not."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from tests.containers.compose import CHECKOUT, TAG, docker

OPERATIONS = (CHECKOUT / "docs" / "operations.md").read_text(encoding="utf-8")
# | `ingestor` | 250 | 208 | … : image, goal and measured size in MB
LISTED = {
    name: (int(goal), int(measured))
    for name, goal, measured in re.findall(r"^\| `(\w+)` \| (\d+) \| (\d+) \|", OPERATIONS, re.M)
}
IMAGES = sorted(LISTED)
# What builds, fetches or compiles has no business in an image that runs.
TOOLS = ("gcc", "cc", "g++", "make", "uv", "git", "curl", "wget", "mvn", "node")
USER = "10001:10001"
TMP = "/tmp"  # noqa: S108 - in a container, of its own


def inspect(image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(docker("image", "inspect", f"{name_of(image)}"))[0]
    return found


def name_of(image: str) -> str:
    return f"multi-source-data-lake/{image}:{TAG}"


def run_in(image: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in an image, hardened as compose and the task definitions have it."""
    return subprocess.run(
        ["docker", "run", "--rm", "--network", "none", "--read-only",
         "--tmpfs", TMP,
         "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
         "--entrypoint", command[0], name_of(image), *command[1:]],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_every_image_is_listed() -> None:
    built = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
    ours = {name.split("/")[1].split(":")[0] for name in built if name.endswith(f":{TAG}")}
    assert ours == set(IMAGES)


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_is_within_its_goal_and_as_large_as_is_written(image: str) -> None:
    goal, listed = LISTED[image]
    megabytes = inspect(image)["Size"] / 1e6
    assert megabytes <= goal
    assert megabytes == pytest.approx(listed, rel=0.1), "docs/operations.md lists another size"


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_says_what_it_is(image: str) -> None:
    config = inspect(image)["Config"]
    labels = config["Labels"]
    assert labels["org.opencontainers.image.title"] == f"multi-source-data-lake/{image}"
    assert labels["org.opencontainers.image.licenses"] == "MIT"
    for label in ("description", "version", "revision"):
        assert labels[f"org.opencontainers.image.{label}"]
    assert config["User"] == USER
    assert TMP in config["Volumes"]
    assert config["Healthcheck"]["Test"]


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_runs_as_nobody_in_particular_and_cannot_change_itself(image: str) -> None:
    script = "id -u; for place in /app /opt/venv /etc; do touch $place/x && echo wrote $place; done"
    done = run_in(image, "sh", "-c", script)
    assert done.stdout.split() == ["10001"]


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_holds_nothing_that_builds(image: str) -> None:
    found = run_in(image, "sh", "-c", f"command -v {' '.join(TOOLS)}; ls /opt/uv /requirements")
    assert found.stdout == ""
    pip = run_in(image, "/opt/venv/bin/python", "-m", "pip", "--version")
    assert "No module named pip" in pip.stderr


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_holds_no_secret_and_no_registry(image: str) -> None:
    """What was mounted for the build alone (make images) is not in it, nor in its history."""
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", name_of(image))
    assert "index-url" not in history
    found = run_in(image, "sh", "-c", "ls -d /etc/pip.conf /etc/uv /run/secrets /root/.cache")
    assert found.stdout == ""


@pytest.mark.parametrize("image", ["ingestor", "processor", "analytics_api", "local"])
def test_a_part_starts_and_says_what_it_can(image: str) -> None:
    done = run_in(image, "python", "-m", {"local": "lake_local"}.get(image, image), "--help")
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout


def test_the_processor_brings_its_java() -> None:
    done = run_in("processor", "sh", "-c", "$PROCESSOR_JAVA -version")
    assert 'version "21.' in done.stderr


def test_the_ingestor_says_what_its_image_leaves_out() -> None:
    script = "from ingestor.commands import _arrow_packer; _arrow_packer(None)"
    said = run_in("ingestor", "python", "-c", script).stderr
    assert "--packing arrow-zstd needs pyarrow" in said
    assert "--build-arg ARROW=true" in said
