"""`make demo` end to end on a small data set: what it writes equals what was in the files."""

from __future__ import annotations

import csv
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from lake_core.names import BUCKET, CSV_FILES, Domain
from tests.integration.local_run import ECOMMERCE_ROWS, MANUFACTURING_ROWS, Place


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def finished(place: Place) -> subprocess.CompletedProcess[str]:
    answer = place.call("demo", "--port", "0")
    assert answer.returncode == 0, answer.stderr + answer.stdout
    return answer


@pytest.fixture(scope="module")
def answers(place: Place, finished: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    del finished
    return msgspec.json.decode((place.lake / "demo.json").read_bytes(), type=dict[str, Any])


def rows(place: Place, domain: Domain) -> list[dict[str, str]]:
    with (place.data / CSV_FILES[domain]).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_it_says_that_every_row_is_accounted_for(
    finished: subprocess.CompletedProcess[str],
) -> None:
    total = MANUFACTURING_ROWS + ECOMMERCE_ROWS
    assert f"{total:,} in the lake, 0 in quarantine, none lost, none twice" in finished.stdout
    assert "business health index" in finished.stdout


def test_the_answers_are_those_of_the_files(place: Place, answers: dict[str, Any]) -> None:
    manufacturing = rows(place, Domain.MANUFACTURING)
    ecommerce = rows(place, Domain.ECOMMERCE)
    machines = {row["machine_id"] for row in manufacturing}
    customers = {row["Customer_ID"] for row in ecommerce}
    assert answers["/v1/insights/manufacturing"]["records_analyzed"] == len(manufacturing)
    assert answers["/v1/insights/manufacturing"]["total_machines_analyzed"] == len(machines)
    assert answers["/v1/insights/ecommerce"]["total_customers_analyzed"] == len(customers)
    satisfaction = sum(int(row["Customer_Satisfaction"]) for row in ecommerce) / len(ecommerce)
    index = answers["/v1/insights/ecommerce"]["customer_satisfaction_index"]
    assert index == pytest.approx(satisfaction, abs=5e-5)


def test_lists_are_complete_and_each_item_has_its_answer(
    place: Place, answers: dict[str, Any]
) -> None:
    machines = {int(row["machine_id"]) for row in rows(place, Domain.MANUFACTURING)}
    customers = {row["Customer_ID"] for row in rows(place, Domain.ECOMMERCE)}
    assert {item["machine_id"] for item in answers["/v1/machines"]["items"]} == machines
    assert {item["customer_id"] for item in answers["/v1/customers"]["items"]} == customers
    assert {f"/v1/machines/{machine}" for machine in machines} <= set(answers)
    assert {f"/v1/customers/{customer}" for customer in customers} <= set(answers)
    assert answers["/v1/lake/integrity"]["verified"] is True


@pytest.mark.parametrize(
    ("domain", "expected"),
    [(Domain.MANUFACTURING, MANUFACTURING_ROWS), (Domain.ECOMMERCE, ECOMMERCE_ROWS)],
)
def test_the_objects_can_be_looked_at_as_plain_parquet(
    place: Place, answers: dict[str, Any], domain: Domain, expected: int
) -> None:
    assert answers
    folder: Path = place.lake / "s3" / BUCKET / "processed" / domain
    files = list(folder.rglob("*.parquet"))
    assert sum(pq.ParquetFile(file).metadata.num_rows for file in files) == expected
    assert not list(folder.rglob("*.json"))
