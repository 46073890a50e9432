"""A reader follows `after`, whatever order the listings come in (I9)."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lake_core.chain import GAP_PATIENCE_SECONDS, ChainReader
from lake_core.footer import Footer
from lake_core.layout import Chain, RangeName
from lake_core.names import Domain

CHAIN = Chain(Domain.MANUFACTURING, "20261123T181500123Z", "shardId-000000000001")
HOUR = dt.datetime(2026, 11, 23, 18, tzinfo=dt.UTC)
ARRIVAL = 1_795_459_132_361
NOW = ARRIVAL + 1000


def ranges(*ends: int) -> list[tuple[RangeName, Footer]]:
    """A chain of ranges that end at these numbers, each beginning right after the one before."""
    made, after = [], None
    for end in ends:
        first = (int(after) if after else 0) + 1
        made.append(one(first, end, after))
        after = str(end)
    return made


def one(first: int, last: int, after: str | None, *, gap: bool = False) -> tuple[RangeName, Footer]:
    footer = Footer(
        format_version=1, schema_version=1, scoring_version="x", domain=CHAIN.domain,
        shard=CHAIN.shard, incarnation=CHAIN.incarnation, first=str(first), last=str(last),
        after=after, first_arrival=ARRIVAL, last_arrival=ARRIVAL, records=1, rows=1, unusable=0,
        payload_bytes=1, stream_bytes=1, gap_possible=gap,
    )  # fmt: skip
    return RangeName(CHAIN, HOUR, first), footer


def take_all(reader: ChainReader, now: int = NOW) -> list[str]:
    taken = []
    while (step := reader.next(now)) is not None:
        taken.append(step[1].last)
    return taken


@given(st.lists(st.integers(1, 5), min_size=1, max_size=12), st.data())
def test_every_order_of_discovery_gives_the_order_of_the_chain(
    sizes: list[int], data: st.DataObject
) -> None:
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    reader, taken = ChainReader(), []
    for name, footer in data.draw(st.permutations(ranges(*ends))):
        reader.offer(name, ARRIVAL)
        reader.offer(name, ARRIVAL)
        reader.read(name, footer)
        taken += take_all(reader)
    assert taken == [str(end) for end in ends]
    assert (reader.end, reader.waiting, reader.gaps, reader.overlaps) == (str(ends[-1]), 0, [], [])


def test_a_later_range_waits_for_the_one_before() -> None:
    first, second, third = ranges(2, 5, 9)
    reader = ChainReader()
    for name, footer in (first, third):
        reader.offer(name, ARRIVAL)
        reader.read(name, footer)
    assert take_all(reader) == ["2"]
    assert reader.waiting == 1
    reader.offer(second[0], ARRIVAL)
    assert reader.unread(10) == [second[0]]
    reader.read(*second)
    assert take_all(reader) == ["5", "9"]


def test_what_to_read_comes_in_order_and_never_twice() -> None:
    chain = ranges(1, 2, 3, 4)
    reader = ChainReader()
    for name, _ in reversed(chain):
        reader.offer(name, ARRIVAL)
    assert reader.unread(2) == [chain[0][0], chain[1][0]]
    reader.read(*chain[0])
    assert reader.unread(0) == []
    assert reader.unread(2) == [chain[1][0]]
    assert reader.next(NOW) == chain[0]
    assert reader.unread(2) == [chain[1][0], chain[2][0]]


def test_what_turns_up_late_is_wanted_however_much_is_held() -> None:
    first, second, *rest = ranges(*range(1, 10))
    reader = ChainReader()
    for name, footer in (first, *rest):
        reader.offer(name, ARRIVAL)
        reader.read(name, footer)
    assert take_all(reader) == ["1"]
    assert reader.unread(2) == []
    reader.offer(second[0], ARRIVAL)
    assert reader.unread(2) == [second[0]]


def test_a_hole_is_passed_only_at_a_flagged_range_and_only_after_patience() -> None:
    (first,) = ranges(2)
    flagged = one(7, 9, "5", gap=True)
    reader = ChainReader()
    for name, footer in (first, flagged):
        reader.offer(name, ARRIVAL)
        reader.read(name, footer)
    assert take_all(reader) == ["2"]
    assert take_all(reader, ARRIVAL + GAP_PATIENCE_SECONDS * 1000 + 1) == ["9"]
    assert reader.gaps == [("2", "7")]


def test_a_hole_before_a_range_without_flag_is_never_passed() -> None:
    reader = ChainReader()
    name, footer = one(7, 9, "5")
    reader.offer(name, ARRIVAL)
    reader.read(name, footer)
    assert take_all(reader, ARRIVAL + 10**12) == []
    assert reader.waiting == 1


def test_a_range_on_taken_ground_is_reported_and_not_counted() -> None:
    reader = ChainReader()
    for name, footer in ranges(5, 9):
        reader.offer(name, ARRIVAL)
        reader.read(name, footer)
    take_all(reader)
    stray, _ = one(3, 4, "2")
    reader.offer(stray, ARRIVAL)
    reader.offer(stray, ARRIVAL)
    assert reader.overlaps == [stray.key]
    assert take_all(reader) == []


def test_a_range_found_before_its_ground_was_taken_is_reported_then() -> None:
    (whole,), stray = ranges(5), one(3, 4, "2")
    reader = ChainReader()
    for name, footer in (stray, whole):
        reader.offer(name, ARRIVAL)
        reader.read(name, footer)
    assert take_all(reader) == ["5"]
    assert (reader.overlaps, reader.waiting, reader.held) == ([stray[0].key], 0, 0)


def test_a_range_that_continues_the_chain_comes_before_any_skip() -> None:
    flagged, regular = one(3, 3, "1", gap=True), one(4, 9, "2")
    reader = ChainReader()
    for name, footer in (*ranges(2), flagged, regular):
        reader.offer(name, ARRIVAL)
        reader.read(name, footer)
    assert take_all(reader, ARRIVAL + GAP_PATIENCE_SECONDS * 1000 + 1) == ["2", "9"]
    assert (reader.gaps, reader.overlaps) == ([], [flagged[0].key])


def test_what_lies_in_a_hole_that_was_passed_waits_no_more() -> None:
    orphan, flagged = one(6, 6, "5"), one(7, 9, "6", gap=True)
    reader = ChainReader()
    for name, footer in (*ranges(2), orphan, flagged):
        reader.offer(name, ARRIVAL)
        reader.read(name, footer)
    assert take_all(reader, ARRIVAL + GAP_PATIENCE_SECONDS * 1000 + 1) == ["2", "9"]
    assert (reader.gaps, reader.overlaps) == ([("2", "7")], [orphan[0].key])


def test_patience_counts_from_when_the_object_was_written_not_from_when_its_records_arrived() -> (
    None
):
    hour = 3600 * 1000
    (first, missing), flagged = ranges(2, 5), one(6, 9, "5", gap=True)
    backlog = ARRIVAL + 5 * hour  # the processor is hours behind: it writes old records now
    reader = ChainReader()
    for name, footer in (first, flagged):
        reader.offer(name, backlog)
        reader.read(name, footer)
    assert take_all(reader, backlog + 1000) == ["2"]
    reader.offer(missing[0], backlog)  # the listing had passed its hour when it was written
    reader.read(*missing)
    assert take_all(reader, backlog + 2000) == ["5", "9"]
    assert (reader.gaps, reader.overlaps) == ([], [])


@pytest.mark.parametrize("found", ["before its range is taken", "afterwards"])
def test_a_second_copy_under_another_hour_is_reported_once_and_not_counted(found: str) -> None:
    ((name, footer),) = ranges(5)
    copy = RangeName(CHAIN, HOUR + dt.timedelta(hours=1), name.first)
    reader = ChainReader()
    reader.offer(name, ARRIVAL)
    if found == "before its range is taken":
        reader.offer(copy, ARRIVAL)
    reader.read(name, footer)
    assert take_all(reader) == ["5"]
    for _ in range(2):
        reader.offer(copy, ARRIVAL)
    assert (reader.overlaps, reader.waiting) == ([copy.key], 0)
    assert take_all(reader) == []


def test_many_thousand_ranges_are_put_in_order_in_linear_time() -> None:
    count = 30_000
    chain = ranges(*range(1, count + 1))
    reader = ChainReader()
    for name, _ in chain:
        reader.offer(name, ARRIVAL)
    began, taken = time.monotonic(), 0
    while wanted := reader.unread(64):
        for name in wanted:
            reader.read(*chain[name.first - 1])
        taken += len(take_all(reader))
    assert taken == count
    assert time.monotonic() - began < 5  # quadratic: minutes


def test_a_hole_is_not_passed_while_a_range_before_the_flagged_one_is_unread() -> None:
    (first, second), flagged = ranges(2, 5), one(7, 9, "6", gap=True)
    reader = ChainReader()
    for name, _ in (first, second, flagged):
        reader.offer(name, ARRIVAL)
    for name, footer in (first, flagged):  # the second cannot be read now
        reader.read(name, footer)
    late = ARRIVAL + GAP_PATIENCE_SECONDS * 1000 + 1
    assert take_all(reader, late) == ["2"]
    reader.read(*second)
    assert take_all(reader, late) == ["5", "9"]
    assert (reader.gaps, reader.overlaps) == ([("5", "7")], [])
