"""Every command of the README is typed as it stands there (on a small data set and a free port)."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from lake_core.names import CSV_FILES, Domain
from lake_local.ports import free_port
from tests.integration.local_run import CHECKOUT, Place
from tests.integration.waiting import eventually

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    line for block in BLOCKS for line in block.splitlines() if line and not line.startswith("#")
]
CURLS = [command for command in COMMANDS if command.startswith("curl")]
# Run by whoever runs this test; here it is enough that make knows them.
OUTER = ["make check", "make test-unit"]
FIRST_INSIGHT_SECONDS = 90


class Shell:
    """A shell in the checkout, its lake in a place of its own."""

    def __init__(self, place: Place, port: int) -> None:
        self.place = place
        self.port = port
        self.environment = {
            **place.environment(),
            "LAKE_API_PORT": str(port),
            "PYTHON": str(CHECKOUT / ".venvs" / "local" / "bin" / "python"),
        }

    def run(self, command: str) -> str:
        typed = command.replace(":8000", f":{self.port}")
        done = subprocess.run(
            ["bash", "-c", typed], cwd=CHECKOUT, env=self.environment, capture_output=True,
            text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(Place(tmp_path_factory.mktemp("readme")), free_port())


@pytest.fixture(scope="module")
def running(shell: Shell) -> Iterator[Shell]:
    """`make run`, as it stands there, until the first insight."""
    assert "make run" in COMMANDS
    process = subprocess.Popen(
        ["make", "run"], cwd=CHECKOUT, env=shell.environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        insight = next(c for c in CURLS if "integrated" in c).replace(":8000", f":{shell.port}")

        def answered() -> bool:
            assert process.poll() is None, process.stderr and process.stderr.read()
            asked = subprocess.run(
                ["bash", "-c", f"{insight} --fail"], capture_output=True, timeout=30, check=False
            )
            return asked.returncode == 0

        assert eventually(answered, FIRST_INSIGHT_SECONDS), "no insight"
        yield shell
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)


@pytest.mark.parametrize("command", CURLS)
def test_a_question_is_answered(running: Shell, command: str) -> None:
    answer = msgspec.json.decode(running.run(command.replace("curl -s", "curl -s --fail")))
    assert answer


def test_the_running_lake_is_proven(running: Shell) -> None:
    assert "make verify" in COMMANDS
    assert "verified: true" in running.run("make verify")


def test_the_demo_does_what_the_readme_shows(
    shell: Shell, tmp_path_factory: pytest.TempPathFactory
) -> None:
    own = Shell(Place(tmp_path_factory.mktemp("demo")), free_port())
    said = own.run(next(c for c in COMMANDS if c == "make demo"))
    for words in ("first insight after", "every row is accounted for", "none lost, none twice",
                  "business health index", "every answer:", "the objects:"):  # fmt: skip
        assert words in said
        assert words in README
    assert "verified: true" in own.run("make verify")


def test_given_files_are_taken(tmp_path_factory: pytest.TempPathFactory) -> None:
    place = Place(tmp_path_factory.mktemp("own"))
    place.data.mkdir()
    command = next(c for c in COMMANDS if "ECOMMERCE_CSV=" in c)
    made = Shell(place, free_port())
    made.run("make data")
    for domain in Domain:
        name = CSV_FILES[domain]
        shutil.copy(place.data / name, place.directory / name)
        command = command.replace(f"={name}", f"={place.directory / name}")
    assert str(place.directory) in command
    assert "none lost, none twice" in made.run(command)


def test_make_knows_every_target_of_the_readme(shell: Shell) -> None:
    said = shell.run("make help")
    for target in re.findall(r"`?make ([a-z-]+)", README):
        assert re.search(rf"^  {target}\b", said, re.MULTILINE), target
    assert set(OUTER) <= set(COMMANDS)


def test_every_file_the_readme_links_to_is_there() -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (CHECKOUT / link).exists(), link


def test_every_document_links_to_what_is_there() -> None:
    for document in (CHECKOUT / "docs").rglob("*.md"):
        for link in re.findall(r"\]\((?!http)([^)#]+)\)", document.read_text(encoding="utf-8")):
            assert (Path(document).parent / link).exists(), (document, link)
