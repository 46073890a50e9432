"""The cost model: its document is up to date, its lines are what a person would work out."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lake_infra.cost import rivals, small_objects
from lake_infra.cost.bill import Line, bill, total
from lake_infra.cost.load import Load
from lake_infra.cost.prices import Measured, Prices, between
from lake_infra.cost.report import LOADS, VARIANTS, report
from lake_infra.stages import DEV

CHECKOUT = Path(__file__).resolve().parents[3]
PRICES, MEASURED = Prices.read(), Measured.read()


def load(events: float, variant: str = "plain, provisioned") -> Load:
    return Load(events, *VARIANTS[variant], MEASURED)


def line(lines: list[Line], part: str, what: str) -> float:
    (found,) = [one.usd for one in lines if (one.part, one.what) == (part, what)]
    return found


def test_the_document_is_what_the_model_says_now() -> None:
    kept = (CHECKOUT / "docs" / "cost.md").read_text(encoding="utf-8")
    assert kept == report(PRICES, MEASURED), "run `make cost`"


def test_what_was_measured_is_near_what_the_bench_found() -> None:
    path = CHECKOUT / "bench" / "results" / "main_job.json"
    found = json.loads(path.read_text(encoding="utf-8"))["figures"]
    for ours, theirs in (
        (MEASURED.json_bytes, found["json_bytes_per_row"]),
        (MEASURED.stream_bytes_packed, found["stream_bytes_per_row"]),
        (min(MEASURED.range_bytes_a_row.values()), found["bytes_per_row"]),
    ):
        assert ours == pytest.approx(theirs, rel=0.25), "correct measured.toml, run `make cost`"


def test_plain_records_of_a_million_events_a_day_cost_a_put_unit_each() -> None:
    lines = bill(load(1e6), PRICES)
    month = 1e6 * 730 / 24
    assert line(lines, "Kinesis", "PUT units of 25 KB") == pytest.approx(month / 1e6 * 0.014)
    assert line(lines, "Kinesis", "shards, by the hour") == pytest.approx(2 * 730 * 0.015)


def test_a_record_on_demand_is_billed_as_a_whole_kilobyte() -> None:
    lines = bill(load(1e9, "plain, on demand"), PRICES)
    gigabytes = 1e9 * 730 / 24 * 1024 / 1024**3
    assert line(lines, "Kinesis", "GB in") == pytest.approx(gigabytes * 0.08)


def test_a_shard_takes_a_thousand_plain_records_a_second_and_one_process() -> None:
    assert load(1e9).shards == 18  # 11,574 a second, half as much again at the peak
    assert load(1e9, "packed, provisioned").shards == 5  # what a process works off
    assert load(1e5).shards == 2
    assert load(1e5, "plain, on demand").shards == 8


def test_packing_pays_only_where_records_fill() -> None:
    assert load(1e5, "packed, provisioned").records == load(1e5).records
    assert load(1e9, "packed, provisioned").records < load(1e9).records / 100


def test_the_api_looks_at_each_shard_four_times_a_second_and_for_new_ones_every_two() -> None:
    # 2 shards, 4 looks a second, 2 domains, a look in 2 s, half a read unit each, 730 hours.
    units = (2 * 4 + 2 / 2) * 0.5 * 730 * 3600
    assert load(1e5).live_read_units == pytest.approx(units)
    assert line(bill(load(1e5), PRICES), "Live view", "looks of the API") == pytest.approx(
        units / 1e6 * 0.125
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_more_events_never_cost_less_and_each_costs_less(variant: str) -> None:
    loads = [load(events, variant) for events in LOADS.values()]
    sums = [total(bill(one, PRICES)) for one in loads]
    assert sums == sorted(sums)
    each = [usd / one.events for usd, one in zip(sums, loads, strict=True)]
    assert each == sorted(each, reverse=True)


def test_tasks_are_no_more_than_shards() -> None:
    for events in LOADS.values():
        for variant in VARIANTS:
            assert 2 <= load(events, variant).processors <= load(events, variant).shards


def test_bytes_of_a_row_lie_between_what_was_measured() -> None:
    measured = MEASURED.range_bytes_a_row
    assert between(measured, 1) == measured["100"]
    assert between(measured, 1000) == measured["1000"]
    assert measured["10000"] < between(measured, 3000) < measured["1000"]
    assert between(measured, 10**9) == measured["50000"]


def test_firehose_bills_five_kilobytes_for_a_small_record() -> None:
    taken = line(rivals.firehose(load(1e9), PRICES), "Firehose", "taken in, 5 KB a record")
    assert taken == pytest.approx(1e9 * 730 / 24 * 5120 / 1024**3 * 0.029)


def test_the_claim_is_what_its_bytes_cost_and_writing_them_was_forgotten() -> None:
    claimed, standard, infrequent = small_objects.original(PRICES)
    assert claimed.month_usd == 0.004
    assert standard.put_usd == pytest.approx(29_289 / 1000 * 0.005)
    assert infrequent.month_usd > 10 * claimed.month_usd
    for stored in small_objects.under_this_layout(load(101_000), PRICES):
        assert stored.month_usd < claimed.month_usd
        assert stored.put_usd < standard.put_usd


def test_every_price_says_where_it_can_be_checked() -> None:
    for name, price in PRICES.by_name.items():
        assert urlsplit(price.source).hostname == "aws.amazon.com", name
        assert price.usd > 0


def test_the_budget_rings_only_above_what_the_stage_is_known_to_cost() -> None:
    assert total(bill(load(1e5), PRICES)) < 0.8 * DEV.budget_usd
