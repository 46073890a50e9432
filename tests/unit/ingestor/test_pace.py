"""How fast events go out, and what of the command line is refused."""

from __future__ import annotations

import pytest

from ingestor.arguments import parse
from ingestor.commands import rows_of_tick
from ingestor.limits import MAX_DELAY_SECONDS, ShardLimit, full_jitter
from ingestor.pace import Pace, parse_rate, rate_of_speed
from lake_core.errors import InputError

REPLAY = ["replay", "--source", "m.csv", "--stream", "manufacturing-data-stream"]


def test_a_rate_is_kept_over_time_and_begins_without_a_burst() -> None:
    pace, now = Pace(100.0), 50.0
    for _ in range(1000):
        now += pace.wait_seconds(now)
    assert now - 50.0 == pytest.approx(9.99, abs=0.02)


def test_a_pace_that_fell_behind_catches_up_a_second_s_worth_only() -> None:
    pace = Pace(10.0)
    pace.wait_seconds(0.0)
    free = sum(pace.wait_seconds(1000.0) == 0 for _ in range(100))
    assert 9 <= free <= 11


def test_no_rate_never_waits() -> None:
    assert Pace(None).wait_seconds(1.0) == 0


def test_speed_is_a_multiple_of_event_time() -> None:
    assert rate_of_speed(60.0, rows=1440, span_days=1) == pytest.approx(1.0)


@pytest.mark.parametrize("text", ["", "fast", "0", "-1/s", "1e9/s", "nan", "5x"])
def test_a_rate_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="events a second"):
        parse_rate(text)


@pytest.mark.parametrize(
    "options",
    [
        ["--rate", "abc"], ["--speed", "60"], ["--rate", "5/s", "--speed", "60x"],
        ["--limit", "0"], ["--laps", "0"], ["--laps", "ever"], ["--start-lap", "-1"],
        ["--every", "0"], ["--once"], ["--rows-per-day", "10"], ["--every", "300", "--limit", "5"],
        ["--every", "300", "--resume"], ["--every", "300", "--laps", "2"], ["--packing", "zip"],
    ],
)  # fmt: skip
def test_options_that_make_no_sense_end_with_2(options: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([*REPLAY, *options])
    assert ended.value.code == 2


def test_options_are_read() -> None:
    asked = parse([*REPLAY, "--rate", "1157/s", "--laps", "forever", "--start-lap", "1"])
    assert (asked.rate, asked.laps, asked.start_lap) == (1157.0, None, 1)
    assert parse(REPLAY).rate is None
    assert parse([*REPLAY, "--every", "300"]).rows_per_day == 100_000


@pytest.mark.parametrize(("every", "per_day"), [(300, 100_000), (300, 7), (60, 1000), (7200, 1)])
def test_the_ticks_of_a_day_send_the_day_s_rows(every: int, per_day: int) -> None:
    midnight = 20_000 * 86_400
    ticks = range(midnight, midnight + 86_400, every)
    assert sum(rows_of_tick(tick, every, per_day) for tick in ticks) == per_day


def test_a_shard_gets_no_more_than_its_limits() -> None:
    limit, now = ShardLimit(), 0.0
    for _ in range(5000):
        now += limit.wait_seconds(100, now)
    assert now == pytest.approx(4.0, abs=0.01), "1,000 records at once, then 1,000 a second"


def test_waits_between_tries_are_spread_and_bounded() -> None:
    waits = [full_jitter(tries) for tries in (1, 3, 10, 5000) for _ in range(50)]
    assert all(0 <= wait <= MAX_DELAY_SECONDS for wait in waits)
    assert len(set(waits)) > 150


def test_how_far_a_pace_is_behind_counts_what_will_not_be_caught_up() -> None:
    pace = Pace(10.0)
    assert pace.behind_seconds(0.0) is None  # nothing sent yet
    pace.wait_seconds(0.0)
    assert pace.behind_seconds(0.1) == pytest.approx(0.0)
    assert pace.behind_seconds(5.1) == pytest.approx(5.0)
    pace.wait_seconds(5.1)  # of the five seconds four are given up
    assert pace.behind_seconds(5.1) == pytest.approx(4.9, abs=0.11)
    assert Pace(None).behind_seconds(1.0) is None
