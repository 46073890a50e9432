"""The containers' answers equal what plain Python makes of the CSVs, generated and given."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from lake_core.names import CSV_FILES, Domain
from lake_local.data_set import generated_file
from lake_local.settings import Settings
from tests.containers.compose import CHECKOUT, TAG, Compose, lake
from tests.unit.analytics_api.expectations import (
    Row,
    assert_figures,
    expected_ecommerce,
    expected_manufacturing,
)

ONCE = "tests/containers/once.yml"
REAL = {
    domain: CHECKOUT.parent / "shared" / "data" / f"{Path(name).stem}.sample.csv"
    for domain, name in CSV_FILES.items()
}
pytestmark = pytest.mark.timeout(900)


def read(file: Path) -> list[Row]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def generate(directory: Path, rows: dict[Domain, int]) -> None:
    settings = Settings(
        data_directory=directory,
        manufacturing_rows=rows[Domain.MANUFACTURING],
        ecommerce_rows=rows[Domain.ECOMMERCE],
    )
    for domain in Domain:
        generated_file(domain, settings).write()


def assert_answers(project: Compose, files: dict[Domain, Path]) -> None:
    manufacturing = expected_manufacturing(read(files[Domain.MANUFACTURING]))
    ecommerce = expected_ecommerce(read(files[Domain.ECOMMERCE]))
    project.wait_for_readings(manufacturing["records_analyzed"])
    assert_figures(project.get("/v1/insights/manufacturing").body, manufacturing)
    assert_figures(project.get("/v1/insights/ecommerce").body, ecommerce)
    together = project.get("/v1/insights/integrated").body["cross_domain_insights"]
    assert together["operational_excellence_score"] == pytest.approx(
        0.6 * manufacturing["average_machine_efficiency"]
        + 0.4 * ecommerce["customer_satisfaction_index"] / 10
    )
    integrity = project.get("/v1/lake/integrity").body
    assert integrity["verified"] is True


def test_generated_files(tmp_path: Path) -> None:
    rows = {Domain.MANUFACTURING: 20_000, Domain.ECOMMERCE: 1_000}
    variables = {"MANUFACTURING_ROWS": "20000", "ECOMMERCE_ROWS": "1000"}
    generate(tmp_path, rows)  # the generator is seeded: the container writes the very same
    with lake("lake-test-generated", ONCE, **variables) as project:
        project.up()
        assert_answers(project, {domain: tmp_path / CSV_FILES[domain] for domain in Domain})


@pytest.fixture(params=["of one's own", "real rows"])
def given(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A directory with both CSVs, named as they are downloaded."""
    if request.param == "real rows":
        for domain, sample in REAL.items():
            if not sample.exists():
                pytest.skip(f"real rows are not on this machine: {sample.name}")
            (tmp_path / CSV_FILES[domain]).write_bytes(sample.read_bytes())
    else:
        generate(tmp_path, {Domain.MANUFACTURING: 900, Domain.ECOMMERCE: 300})
        for name in CSV_FILES.values():  # every third row: a file that nobody generates
            lines = (tmp_path / name).read_bytes().splitlines(keepends=True)
            (tmp_path / name).write_bytes(b"".join([lines[0], *lines[1::3]]))
    tmp_path.chmod(0o755)  # the container's user is another
    return tmp_path


def test_given_files(given: Path) -> None:
    """On the other emulator, which the README offers."""
    emulator = f"multi-source-data-lake/emulator:{TAG}"
    variables = {"CSV_DIRECTORY": str(given), "AWS_EMULATOR_IMAGE": emulator}
    with lake("lake-test-given", ONCE, **variables) as project:
        project.up()
        assert_answers(project, {domain: given / CSV_FILES[domain] for domain in Domain})
