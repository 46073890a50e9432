"""Generated CSVs: the same bytes everywhere, the form of the real files, the laws of the data."""

from __future__ import annotations

import csv
import hashlib
import tracemalloc
from collections import Counter
from pathlib import Path
from statistics import mean, stdev

import pytest

from lake_core.names import Domain
from lake_core.parsing import event_from_cells
from lake_core.schema import csv_header
from lake_local.generator import write_ecommerce, write_manufacturing


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    path = tmp_path_factory.mktemp("data") / "m.csv"
    write_manufacturing(path, 20_000)
    return read(path)


@pytest.fixture(scope="module")
def purchases(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    path = tmp_path_factory.mktemp("data") / "e.csv"
    write_ecommerce(path, 2_000)
    return read(path)


def test_the_bytes_are_the_same_on_every_machine(tmp_path: Path) -> None:
    write_manufacturing(tmp_path / "m.csv", 1000)
    write_ecommerce(tmp_path / "e.csv", 1000)
    digests = [
        hashlib.sha256((tmp_path / n).read_bytes()).hexdigest()[:16] for n in ("m.csv", "e.csv")
    ]
    assert digests == ["9e741ec5c1494143", "75b54cc58ff1a8f0"]


def test_another_seed_gives_other_rows(tmp_path: Path) -> None:
    for seed in (1, 2):
        write_manufacturing(tmp_path / f"{seed}.csv", 10, seed=seed)
    assert (tmp_path / "1.csv").read_bytes() != (tmp_path / "2.csv").read_bytes()


def test_a_longer_file_begins_like_a_shorter_one(tmp_path: Path) -> None:
    write_manufacturing(tmp_path / "short.csv", 10)
    write_manufacturing(tmp_path / "long.csv", 100)
    short = (tmp_path / "short.csv").read_bytes()
    assert (tmp_path / "long.csv").read_bytes()[: len(short)] == short


def test_line_ends_and_quirks_are_those_of_the_real_files(tmp_path: Path) -> None:
    write_manufacturing(tmp_path / "m.csv", 5)
    write_ecommerce(tmp_path / "e.csv", 2000)
    assert b"\r" not in (tmp_path / "m.csv").read_bytes()
    shop = (tmp_path / "e.csv").read_bytes()
    assert shop.count(b"\r\n") == shop.count(b"\n") == 2001
    assert b'"' in shop, "a place with a comma is quoted"
    assert any(byte > 127 for byte in shop), "accents"


def test_the_headers_are_the_contract_s(tmp_path: Path) -> None:
    write_manufacturing(tmp_path / "m.csv", 0)
    write_ecommerce(tmp_path / "e.csv", 0)
    for name, domain in (("m.csv", Domain.MANUFACTURING), ("e.csv", Domain.ECOMMERCE)):
        assert (tmp_path / name).read_text("utf-8").strip().split(",") == list(csv_header(domain))


def test_every_row_is_usable(
    readings: list[dict[str, str]], purchases: list[dict[str, str]]
) -> None:
    for row in readings[:2000]:
        event_from_cells(Domain.MANUFACTURING, row)
    for row in purchases:
        event_from_cells(Domain.ECOMMERCE, row)


def test_readings_follow_their_laws(readings: list[dict[str, str]]) -> None:
    temperature = [float(row["temperature"]) for row in readings]
    vibration = [float(row["vibration"]) for row in readings]
    assert mean(temperature) == pytest.approx(75, abs=0.3)
    assert stdev(temperature) == pytest.approx(10, abs=0.3)
    assert mean(vibration) == pytest.approx(50, abs=0.5)
    assert stdev(vibration) == pytest.approx(15, abs=0.4)
    assert {int(row["machine_id"]) for row in readings} == set(range(1, 51))
    status = Counter(row["machine_status"] for row in readings)
    assert status["1"] / len(readings) == pytest.approx(0.8, abs=0.02)
    for row, t, v in zip(readings, temperature, vibration, strict=True):
        anomalous, life = t > 90 or v > 80, int(row["predicted_remaining_life"])
        assert row["anomaly_flag"] == str(int(anomalous))
        assert row["downtime_risk"] == ("1.0" if anomalous else "0.0")
        assert (1 <= life <= 49) if anomalous else (10 <= life <= 499)
        assert row["failure_type"] == "Normal" or row["machine_status"] == "2"
        due = row["machine_status"] == "2" or anomalous or life < 20
        assert row["maintenance_required"] == str(int(due))


def test_scores_and_efficiency_have_the_known_means(readings: list[dict[str, str]]) -> None:
    scores = [
        0.003 * float(r["temperature"]) + 0.025 * float(r["vibration"])
        + 0.15 * int(r["anomaly_flag"]) + 0.3 * float(r["downtime_risk"])
        for r in readings
    ]  # fmt: skip
    assert mean(scores) == pytest.approx(1.515, abs=0.02)
    assert stdev(scores) == pytest.approx(0.42, abs=0.02)
    efficiency = [
        min(int(r["predicted_remaining_life"]) / float(r["energy_consumption"]), 500)
        for r in readings
    ]
    assert mean(efficiency) == pytest.approx(116.2, rel=0.03)


def test_purchases_follow_their_laws(purchases: list[dict[str, str]]) -> None:
    assert len({row["Customer_ID"] for row in purchases}) == len(purchases)
    for row in purchases:
        assert row["Purchase_Amount"].startswith("$")
        assert row["Purchase_Amount"].endswith(" ")
        assert 50 <= float(row["Purchase_Amount"].strip(" $")) <= 500
        assert 2 <= int(row["Frequency_of_Purchase"]) <= 12
        assert 1 <= int(row["Customer_Satisfaction"]) <= 10
        assert row["Time_of_Purchase"].endswith("/2024")
        assert row["Discount_Used"] in {"TRUE", "FALSE"}


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    tracemalloc.start()
    write_manufacturing(tmp_path / "m.csv", 20_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
