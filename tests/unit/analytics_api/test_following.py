"""The follower: nothing found late is left behind, and no order of the same events shows."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction

from analytics_api.domain_follower import READ_AHEAD
from analytics_api.follower import Follower
from analytics_api.service import LakeService, pause_seconds
from lake_core.names import Domain
from lake_core.rules import DEFAULT
from tests.unit.analytics_api.expectations import maintenance_score, purchase_rows, reading_rows
from tests.unit.analytics_api.lake_builder import Api, Builder, MemoryLake, filled


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
    proof = Api(MemoryLake()).poll().ok("/v1/lake/integrity")
    assert (proof["verified"], proof["shards"]) == (False, [])


def test_looks_grow_rarer_while_the_bucket_is_away_and_never_cease() -> None:
    assert [pause_seconds(1.0, failures) for failures in (0, 1, 2, 3, 9, 1000)] == [
        1.0, 2.0, 4.0, 8.0, 30.0, 30.0,
    ]  # fmt: skip
    assert pause_seconds(60.0, 3) == 60.0


def test_the_metrics_name_an_unreadable_object_and_a_bucket_that_is_away() -> None:
    builder = Builder()
    key = builder.add(Domain.MANUFACTURING, reading_rows(3))
    builder.lake.objects[key] = b"not Parquet"
    api = Api(builder.lake).poll()
    assert f'lake_unreadable_object{{domain="manufacturing",key="{key}"}} 1' in metrics(api)
    assert "lake_reachable 1" in metrics(api)
    builder.lake.away = True
    api.poll()
    assert "lake_reachable 0" in metrics(api)


def metrics(api: Api) -> list[str]:
    return str(api.get("/metrics")[2]).splitlines()


def test_the_thread_goes_on_looking_and_keeps_the_answers_fresh() -> None:
    builder = Builder()
    builder.add(Domain.MANUFACTURING, reading_rows(3))
    service = LakeService(Follower(builder.lake, DEFAULT, time.time), DEFAULT, 0.01)
    service.start()
    try:
        assert eventually(lambda: service.snapshot.machines != {})
        builder.lake.away = True
        assert eventually(lambda: service.snapshot.missing[-1] == "the bucket is away")
        builder.lake.away = False
        builder.add(Domain.MANUFACTURING, reading_rows(8), first_row=3)
        assert eventually(lambda: readings(service) == 11)
        assert service.alive
    finally:
        service.stop()


def eventually(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not (held := true()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return held


def readings(service: LakeService) -> int:
    return sum(machine["readings"] for machine in service.snapshot.machines.values())


def test_answers_that_grew_step_by_step_equal_those_made_at_once() -> None:
    builder = Builder()
    grown = Api(builder.lake).poll()
    for start in range(0, 400, 40):
        builder.add(Domain.MANUFACTURING, reading_rows(400)[start : start + 40], first_row=start)
        builder.add(Domain.ECOMMERCE, purchase_rows(400)[start : start + 40], first_row=start)
        grown.poll()
    made = Api(builder.lake).poll()
    alerts = made.ok("/v1/alerts")["items"]
    assert alerts
    for path in ("/v1/machines", "/v1/customers", "/v1/alerts", "/v1/machines/3"):
        left, right = grown.ok(path), made.ok(path)
        assert left | {"freshness": None} == right | {"freshness": None}, path
    assert grown.service.follower.domains[Domain.MANUFACTURING].state.changed == set()


def test_a_machine_tells_of_each_day() -> None:
    rows = reading_rows(600)
    api = Api(filled(rows, purchase_rows(5)).lake).poll()
    expected: dict[str, list[Fraction]] = defaultdict(list)
    for row in rows:
        if row["machine_id"] == "3":
            expected[f"{row['timestamp'][:10]}T00:00:00Z"].append(maintenance_score(row))
    days = api.ok("/v1/machines/3")["daily_history"]
    assert {day["day"]: day["average_maintenance_priority"] for day in days} == {
        day: float(sum(scores) / len(scores)) for day, scores in expected.items()
    }
    assert [day["day"] for day in days] == sorted(expected)
