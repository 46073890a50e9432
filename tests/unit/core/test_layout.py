"""Keys are a function of the first record, and are read back."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lake_core import layout
from lake_core.layout import Chain, EventSource, RangeName
from lake_core.names import Domain

HOUR = dt.datetime(2026, 11, 23, 18, tzinfo=dt.UTC)
CHAIN = Chain(Domain.MANUFACTURING, "20261123T181500123Z", "shardId-000000000001")


def test_the_key_of_a_range_is_the_contract_s() -> None:
    name = RangeName(CHAIN, HOUR, 42)
    stem = "shardId-000000000001-20261123T181500123Z-" + "42".zfill(64)
    assert name.key == f"processed/manufacturing/dt=2026-11-23/hh=18/{stem}.parquet"
    assert name.quarantine_key("abc") == (
        f"quarantine/manufacturing/dt=2026-11-23/hh=18/{stem}-abc.jsonl"
    )
    assert name.key.startswith(layout.shard_hour_prefix(CHAIN, HOUR))


@given(
    st.sampled_from(Domain),
    st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2100, 1, 1)),  # noqa: DTZ001 - made aware below
    st.integers(0, 10**60),
)
def test_a_key_is_read_back(domain: Domain, when: dt.datetime, first: int) -> None:
    aware = when.replace(tzinfo=dt.UTC)
    chain = Chain(domain, layout.incarnation_of(aware), "shardId-000000000007")
    name = RangeName(chain, layout.hour_of(aware), first)
    assert RangeName.parse(name.key) == name


@pytest.mark.parametrize(
    "key",
    [
        "processed/manufacturing/readme.txt",
        "processed/weather/dt=2026-11-23/hh=18/s-20261123T181500123Z-" + "0" * 64 + ".parquet",
        "processed/manufacturing/dt=2026-13-23/hh=18/s-20261123T181500123Z-"
        + "0" * 64
        + ".parquet",
        "processed/manufacturing/dt=2026-11-23/hh=18/s-20261123T181500123Z-12.parquet",
        "",
    ],
)
def test_a_key_of_another_kind_is_not_a_range(key: str) -> None:
    assert RangeName.parse(key) is None


def test_keys_sort_like_sequence_numbers() -> None:
    numbers = [9, 10, 10**29, 10**55, 2]
    by_key = sorted(numbers, key=lambda n: RangeName(CHAIN, HOUR, n).key)
    assert by_key == sorted(numbers)


def test_hours_are_utc_wherever_the_clock_stands() -> None:
    tokyo = dt.timezone(dt.timedelta(hours=9))
    assert layout.hour_of(dt.datetime(2026, 11, 24, 3, 30, tzinfo=tokyo)) == HOUR


def test_an_event_source_is_read_back_even_with_dashes_in_the_file_name() -> None:
    source = EventSource("my-own-file.csv", "0badcafe", 12)
    assert str(source) == "my-own-file.csv-0badcafe-12"
    assert EventSource.parse(str(source)) == source
    assert layout.lap_of(str(source)) == 12


@pytest.mark.parametrize("text", [None, "sensor7", "a-b-c", "a-b-²", "a-b-99999999999"])
def test_another_producer_s_source_has_lap_zero(text: str | None) -> None:
    assert layout.lap_of(text) == 0
