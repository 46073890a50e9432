"""What is wrong with an object is told of that object; everything else is counted all the same."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_api.range_reader import check_footer, read_range
from analytics_api.s3_lake import S3Lake
from lake_core.errors import TransientError, UnreadableObject
from lake_core.footer import Footer
from lake_core.layout import RangeName
from lake_core.names import Domain
from lake_core.parquet import read_object
from tests.unit.analytics_api.expectations import purchase_rows, reading_rows
from tests.unit.analytics_api.lake_builder import ARRIVAL, Api, Builder, MemoryLake, filled

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

HOUR = 3_600_000


def one_range() -> tuple[MemoryLake, RangeName, Footer]:
    builder = Builder()
    key = builder.add(Domain.MANUFACTURING, reading_rows(20))
    name = RangeName.parse(key)
    assert name is not None
    return builder.lake, name, read_object(builder.lake.objects[key], key)[1]


LAKE, NAME, FOOTER = one_range()
BODY = LAKE.objects[NAME.key]
TABLE = read_object(BODY, NAME.key)[0]


@given(st.integers(0, len(BODY) - 1), st.integers(0, 7))
@settings(max_examples=300, deadline=None)
def test_a_flipped_bit_is_noticed_or_leaves_every_row_as_it_was(at: int, bit: int) -> None:
    flipped = bytearray(BODY)
    flipped[at] ^= 1 << bit
    lake = MemoryLake()
    lake.objects[NAME.key] = bytes(flipped)
    try:
        read = read_range(lake, NAME)
    except UnreadableObject as error:
        assert NAME.key in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert read.table.equals(TABLE)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"shard": "shardId-000000000009"}, "another range"),
        ({"first": "77"}, "another range"),
        ({"last": "1e3"}, "no numbers"),
        ({"after": "-5"}, "no numbers"),
        ({"last": "100"}, "out of order"),
        ({"after": FOOTER.first}, "out of order"),
        ({"last_arrival": ARRIVAL + HOUR}, "another hour"),
        ({"first_arrival": ARRIVAL - HOUR, "last_arrival": ARRIVAL - HOUR}, "another hour"),
    ],
)
def test_a_footer_that_cannot_be_this_range_s_is_refused(change: dict[str, Any], why: str) -> None:
    check_footer(NAME, FOOTER)
    with pytest.raises(UnreadableObject, match=why):
        check_footer(NAME, msgspec.structs.replace(FOOTER, **change))


def test_unusable_entries_without_a_quarantine_object_are_not_verified() -> None:
    builder = Builder()
    builder.add(Domain.MANUFACTURING, reading_rows(9), unusable=1)
    assert Api(builder.lake).poll().ok("/v1/lake/integrity")["verified"] is True
    gone = [key for key in builder.lake.objects if key.startswith("quarantine/")]
    for key in gone:
        del builder.lake.objects[key]
    proof = Api(builder.lake).poll().ok("/v1/lake/integrity")
    assert proof["verified"] is False
    assert proof["shards"][0]["unreadable_objects"] == gone


def test_an_object_that_cannot_be_read_now_holds_up_its_chain_alone() -> None:
    builder = filled(reading_rows(40), purchase_rows(10), 4)
    held = builder.add(Domain.MANUFACTURING, reading_rows(5), shard=7, first_row=40)
    builder.lake.refused = {held}
    api = Api(builder.lake).poll()
    assert api.ok("/v1/insights/manufacturing")["records_analyzed"] == 40
    assert api.ok("/v1/insights/ecommerce")["total_customers_analyzed"] == 10
    assert "slow down" in api.get("/readyz")[2]["detail"]
    assert api.ok("/v1/lake/integrity")["shards"][-1]["verified"] is True  # not proven wrong
    builder.lake.refused = set()
    assert api.poll().ok("/v1/insights/manufacturing")["records_analyzed"] == 45
    assert api.ok("/readyz") == {"status": "ready", "notes": []}


def test_while_the_bucket_is_away_not_every_object_is_tried() -> None:
    builder = Builder()
    for row in range(60):
        builder.add(Domain.MANUFACTURING, reading_rows(1), first_row=row)
    builder.lake.refused = set(builder.lake.objects)
    Api(builder.lake).poll()
    assert builder.lake.reads < 40  # each may wait for its time-outs


def test_what_was_unreadable_and_is_put_right_is_counted_after_the_next_complete_listing() -> None:
    builder = Builder()
    keys = [builder.add(Domain.MANUFACTURING, reading_rows(3), first_row=3 * i) for i in range(3)]
    good = builder.lake.objects[keys[1]]
    builder.lake.objects[keys[1]] = good[:-9]
    api = Api(builder.lake).poll()
    builder.lake.objects[keys[1]] = good
    assert api.poll().ok("/v1/insights/manufacturing")["records_analyzed"] == 3
    api.now += 301
    assert api.poll().ok("/v1/insights/manufacturing")["records_analyzed"] == 9
    assert api.ok("/v1/lake/integrity")["verified"] is True


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidObjectState", "NoSuchKey"])
def test_what_s3_says_of_one_object_is_told_of_that_object(code: str) -> None:
    with pytest.raises(UnreadableObject, match="some/key"):
        S3Lake(cast("S3Client", _Refusing(code)), "bucket").read("some/key")


@pytest.mark.parametrize("code", ["SlowDown", "ExpiredToken", "InternalError"])
def test_what_s3_says_of_itself_may_pass(code: str) -> None:
    with pytest.raises(TransientError, match=code):
        S3Lake(cast("S3Client", _Refusing(code)), "bucket").read("some/key")


class _Refusing:
    """An S3 client that refuses."""

    def __init__(self, code: str) -> None:
        self._code = code

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": self._code, "Message": self._code}}, "GetObject")


def test_a_second_copy_of_a_range_under_another_hour_is_an_overlap() -> None:
    builder = Builder()
    key = builder.add(Domain.MANUFACTURING, reading_rows(3))
    copy = key.replace("/hh=18/", "/hh=19/")
    builder.lake.objects[copy] = builder.lake.objects[key]
    api = Api(builder.lake).poll()
    proof = api.ok("/v1/lake/integrity")
    assert (proof["verified"], proof["shards"][0]["overlaps"]) == (False, [copy])
    assert api.ok("/v1/insights/manufacturing")["records_analyzed"] == 3


def test_only_the_newest_stream_holds_hours_open() -> None:
    builder = Builder()
    old = ARRIVAL - 400 * HOUR
    builder.add(Domain.MANUFACTURING, reading_rows(3), incarnation="20250101T000000000Z",
                arrival=old)  # fmt: skip
    builder.add(Domain.MANUFACTURING, reading_rows(3), first_row=3)
    api = Api(builder.lake).poll()
    builder.lake.listed.clear()
    builder.add(Domain.MANUFACTURING, reading_rows(3), first_row=6)
    api.poll()
    begin = dict(builder.lake.listed)["processed/manufacturing/"]
    at = dt.datetime.fromtimestamp(ARRIVAL / 1000, dt.UTC) - dt.timedelta(hours=1)
    assert begin == f"processed/manufacturing/dt={at:%Y-%m-%d}/hh={at:%H}/"
    assert api.ok("/v1/insights/manufacturing")["records_analyzed"] == 9


def test_a_complete_listing_that_failed_is_made_again_at_once() -> None:
    builder = filled(reading_rows(5), purchase_rows(5))
    api = Api(builder.lake).poll()
    api.now += 301
    builder.lake.away = True
    api.poll()
    builder.lake.away = False
    builder.add(Domain.MANUFACTURING, reading_rows(2), shard=3, first_row=5,
                arrival=ARRIVAL - 300 * HOUR)  # fmt: skip
    assert api.poll().ok("/v1/insights/manufacturing")["records_analyzed"] == 7
