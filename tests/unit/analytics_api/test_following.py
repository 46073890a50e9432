"""The follower: nothing found late is left behind, and no order of the same events shows."""

from __future__ import annotations

from analytics_api.follower import READ_AHEAD
from lake_core.names import Domain
from tests.unit.analytics_api.test_answers import Api, Builder, MemoryLake, reading_rows


def test_a_range_that_turns_up_late_is_read_however_many_wait_behind_it() -> None:
    builder, count = Builder(), READ_AHEAD + 16
    keys = [
        builder.add(Domain.MANUFACTURING, reading_rows(1), first_row=row) for row in range(count)
    ]
    late = builder.lake.objects.pop(keys[1])
    api = Api(builder.lake).poll()
    assert api.ok("/v1/insights/manufacturing")["records_analyzed"] == 1
    assert builder.lake.reads <= 1 + READ_AHEAD + 1
    builder.lake.objects[keys[1]] = late
    assert api.poll().ok("/v1/insights/manufacturing")["records_analyzed"] == count
    assert api.ok("/v1/lake/integrity")["verified"] is True


def test_the_same_time_and_row_in_two_files_give_one_answer_in_any_order() -> None:
    row = reading_rows(1)[0]
    events = [("a.csv-0a-0", row), ("b.csv-0b-0", row | {"predicted_remaining_life": "444"})]
    answers = []
    for order in (events, events[::-1]):
        builder = Builder()
        for source, cells in order:
            builder.add(Domain.MANUFACTURING, [cells], source=source)
        answers.append(Api(builder.lake).poll().ok("/v1/machines")["items"])
    assert answers[0] == answers[1]


def test_of_an_empty_lake_nothing_is_proven() -> None:
    assert Api(MemoryLake()).poll().ok("/v1/lake/integrity") == {"verified": False, "shards": []}
