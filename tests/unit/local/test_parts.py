"""Each part is started with exactly the variables its interface names."""

from __future__ import annotations

from pathlib import Path

import pytest

from lake_core.errors import InputError
from lake_core.names import Domain
from lake_local.directory import LakeDirectory
from lake_local.emulator import system_environment
from lake_local.parts import Parts
from lake_local.settings import Settings


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    for member in ("processor", "ingestor", "analytics_api", "local"):
        python = tmp_path / ".venvs" / member / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.touch()
    directory = LakeDirectory(tmp_path / ".lake")
    return Parts(tmp_path, directory, Settings(), {"AWS_REGION": "here"}, Path("/opt/java"))


def test_of_the_machine_only_what_configures_nothing_is_passed_on() -> None:
    inherited = {"PATH": "/bin", "AWS_PROFILE": "mine", "PROCESSOR_STREAM": "x", "http_proxy": "y"}
    assert system_environment(inherited) == {"PATH": "/bin", "PYTHONUNBUFFERED": "1"}


def test_a_processor_has_a_stable_name_and_a_place_of_its_own(parts: Parts) -> None:
    program = parts.processor(Domain.ECOMMERCE)
    assert program.command[1:] == ["-m", "processor", "run"]
    assert program.environment["PROCESSOR_STREAM"] == "ecommerce-data-stream"
    assert program.environment["PROCESSOR_WORKER_ID"] == "local-ecommerce"
    assert program.environment["PROCESSOR_JAVA"] == "/opt/java"
    assert Path(program.environment["PROCESSOR_STATE_DIRECTORY"]).is_dir()
    assert program.environment["AWS_REGION"] == "here"


def test_the_data_set_is_replayed_packed_and_from_the_bucket(parts: Parts) -> None:
    command = parts.replay(Domain.MANUFACTURING).command
    source = "s3://multi-source-data-lake/raw/manufacturing/smart_manufacturing_data.csv"
    assert source in command
    assert command[-4:] == ["--rate", "max", "--packing", "ndjson-zstd"]


def test_the_trickle_goes_on_after_the_first_lap_and_never_ends(parts: Parts) -> None:
    program = parts.trickle(Domain.MANUFACTURING)
    options = ["--laps", "forever", "--start-lap", "1", "--rate", "20/s"]
    assert program.command[-6:] == options
    assert not program.ends


def test_an_environment_that_is_not_installed_is_named_with_its_cure(tmp_path: Path) -> None:
    parts = Parts(tmp_path, LakeDirectory(tmp_path), Settings(), {}, Path("java"))
    with pytest.raises(InputError, match="make setup"):
        parts.api(8000)
