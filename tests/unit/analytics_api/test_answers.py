"""Every published number against an independent computation; any order, each identity once."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lake_core.names import Domain
from tests.unit.analytics_api.expectations import (
    Row,
    assert_figures,
    expected_ecommerce,
    expected_manufacturing,
    maintenance_score,
    purchase_rows,
    reading_rows,
)
from tests.unit.analytics_api.lake_builder import Api, Builder, MemoryLake, filled

SAMPLES = Path(__file__).parents[4] / "shared" / "data"


def sample(name: str) -> list[Row]:
    with (SAMPLES / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the rows of the real files are not here")
def test_every_number_of_the_real_rows_equals_plain_python() -> None:
    readings = sample("smart_manufacturing_data.sample.csv")
    purchases = sample("Ecommerce_Consumer_Behavior_Analysis_Data.sample.csv")
    api = Api(filled(readings, purchases).lake).poll()
    assert_figures(api.ok("/v1/insights/manufacturing"), expected_manufacturing(readings))
    assert_figures(api.ok("/v1/insights/ecommerce"), expected_ecommerce(purchases))


def test_every_number_equals_plain_python() -> None:
    readings, purchases = reading_rows(600), purchase_rows(300)
    api = Api(filled(readings, purchases).lake).poll()
    machines, customers = expected_manufacturing(readings), expected_ecommerce(purchases)
    assert machines["high_priority_alerts"] > 0
    assert_figures(api.ok("/v1/insights/manufacturing"), machines)
    assert_figures(api.ok("/v1/insights/ecommerce"), customers)
    answer = api.ok("/v1/insights/integrated")
    assert_figures(answer["manufacturing"], machines)
    assert_figures(answer["ecommerce"], customers)
    cross = answer["cross_domain_insights"]
    assert cross["operational_excellence_score"] == pytest.approx(
        0.6 * machines["average_machine_efficiency"]
        + 0.4 * customers["customer_satisfaction_index"] / 10
    )
    assert cross["business_health_index"] == pytest.approx(
        0.5 * (1 - machines["high_risk_machines"] / machines["total_machines_analyzed"])
        + 0.5 * customers["high_value_customers"] / customers["total_customers_analyzed"]
    )
    assert cross["data_quality_composite"] == 1.0


@pytest.mark.parametrize("pieces", [1, 2, 7, 50])
def test_the_cut_into_objects_does_not_matter(pieces: int) -> None:
    readings, purchases = reading_rows(200), purchase_rows(100)
    whole = Api(filled(readings, purchases, 1).lake).poll()
    cut = Api(filled(readings, purchases, pieces).lake).poll()
    for path in ("/v1/insights/integrated", "/v1/machines", "/v1/customers", "/v1/alerts"):
        left, right = whole.ok(path), cut.ok(path)
        assert {k: v for k, v in left.items() if k != "freshness"} == {
            k: v for k, v in right.items() if k != "freshness"
        }, path


@given(st.permutations(range(14)), st.integers(1, 6))
@settings(max_examples=25, deadline=None)
def test_the_order_of_discovery_does_not_matter(order: list[int], step: int) -> None:
    readings, purchases = reading_rows(200), purchase_rows(100)
    builder = filled(readings, purchases, 7)
    every = dict(builder.lake.objects)
    keys = [sorted(every)[place] for place in order]
    builder.lake.objects.clear()
    api = Api(builder.lake)
    for at in range(0, len(keys), step):
        builder.lake.objects |= {key: every[key] for key in keys[at : at + step]}
        api.poll()
    assert_figures(api.ok("/v1/insights/manufacturing"), expected_manufacturing(readings))
    assert_figures(api.ok("/v1/insights/ecommerce"), expected_ecommerce(purchases))
    assert api.ok("/v1/lake/integrity")["verified"] is True


def test_an_identity_counts_once_however_often_it_is_on_the_stream() -> None:
    readings, purchases = reading_rows(60), purchase_rows(40)
    builder = filled(readings, purchases)
    builder.add(Domain.MANUFACTURING, readings[10:30], shard=1, first_row=10)
    builder.add(Domain.MANUFACTURING, readings[:5] + readings[:5], shard=0, first_row=0)
    api = Api(builder.lake).poll()
    # The second five carry rows 5..9, which were there too.
    assert_figures(api.ok("/v1/insights/manufacturing"), expected_manufacturing(readings))
    proof = api.ok("/v1/lake/integrity")
    assert sum(shard["producer_duplicates"] for shard in proof["shards"]) == 30
    assert proof["verified"] is True
    assert api.ok("/v1/lake")["zones"]["processed"]["manufacturing"]["rows"] == 90


def test_events_without_identity_each_count() -> None:
    builder = Builder()
    rows = reading_rows(10)
    builder.add(Domain.MANUFACTURING, rows + rows, source=None)
    answer = Api(builder.lake).poll().ok("/v1/insights/manufacturing")
    assert answer["records_analyzed"] == 20


def test_data_quality_counts_what_went_to_quarantine() -> None:
    builder = Builder()
    builder.add(Domain.MANUFACTURING, reading_rows(9), unusable=1)
    api = Api(builder.lake).poll()
    assert api.ok("/v1/insights/manufacturing")["data_quality_score"] == 0.9
    (shard,) = api.ok("/v1/lake/integrity")["shards"]
    assert (shard["quarantined_entries"], shard["rows"]) == (1, 9)


def test_a_range_waits_for_the_one_before_it_and_the_answer_says_so() -> None:
    builder = Builder()
    builder.add(Domain.MANUFACTURING, reading_rows(10))
    missing = builder.add(Domain.MANUFACTURING, reading_rows(10), first_row=10)
    builder.add(Domain.MANUFACTURING, reading_rows(10), first_row=20)
    held = builder.lake.objects.pop(missing)
    api = Api(builder.lake).poll()
    assert api.ok("/v1/insights/manufacturing")["records_analyzed"] == 10
    assert api.ok("/v1/lake/integrity")["shards"][0]["waiting_objects"] == 1
    builder.lake.objects[missing] = held
    assert api.poll().ok("/v1/insights/manufacturing")["records_analyzed"] == 30


def test_an_altered_object_is_named_stops_its_chain_and_no_other() -> None:
    builder = Builder()
    builder.add(Domain.MANUFACTURING, reading_rows(10), shard=1)
    key = builder.add(Domain.MANUFACTURING, reading_rows(10), first_row=10)
    builder.lake.objects[key] = builder.lake.objects[key].replace(b"PAR1", b"XXX1", 1)
    api = Api(builder.lake).poll()
    proof = api.ok("/v1/lake/integrity")
    assert proof["verified"] is False
    assert [s["unreadable_objects"] for s in proof["shards"]] == [[key], []]
    assert api.ok("/v1/insights/manufacturing")["records_analyzed"] == 10
    status, _, body = api.get("/readyz")
    assert status == 503
    assert any(key in reason for reason in body["missing"])


def test_a_possible_gap_is_not_verified() -> None:
    builder = Builder()
    builder.add(Domain.MANUFACTURING, reading_rows(3), gap=True)
    proof = Api(builder.lake).poll().ok("/v1/lake/integrity")
    assert proof["verified"] is False
    assert "may have expired" in proof["shards"][0]["problems"][0]


def test_without_data_the_answers_say_what_is_missing() -> None:
    api = Api(MemoryLake()).poll()
    for path in ("/v1/insights/manufacturing", "/v1/insights/integrated", "/readyz"):
        status, headers, body = api.get(path)
        assert status == 503
        assert headers["content-type"] == "application/problem+json"
        assert headers["retry-after"]
        assert any("manufacturing" in reason for reason in body["missing"])
    assert api.ok("/healthz") == {"status": "alive"}
    assert api.ok("/v1/machines") == {"items": [], "next_cursor": None}


def test_one_domain_answers_while_the_other_is_still_empty() -> None:
    builder = Builder()
    builder.add(Domain.ECOMMERCE, purchase_rows(5))
    api = Api(builder.lake).poll()
    assert api.ok("/v1/insights/ecommerce")["total_customers_analyzed"] == 5
    assert api.get("/v1/insights/integrated")[0] == 503


def test_a_bucket_that_is_away_leaves_the_answers_and_is_told_of() -> None:
    builder = filled(reading_rows(20), purchase_rows(20))
    api = Api(builder.lake).poll()
    builder.lake.away = True
    api.poll()
    assert api.ok("/v1/insights/manufacturing")["records_analyzed"] == 20
    assert "away" in api.get("/readyz")[2]["detail"]
    builder.lake.away = False
    api.poll()
    assert api.ok("/readyz") == {"status": "ready", "notes": []}


def test_nothing_is_read_twice() -> None:
    builder = filled(reading_rows(20), purchase_rows(20))
    api = Api(builder.lake).poll().poll().poll()
    assert builder.lake.reads == len(builder.lake.objects)
    assert api.service.follower.polls == 3


def test_an_etag_lasts_as_long_as_the_content() -> None:
    builder = filled(reading_rows(20), purchase_rows(20))
    api = Api(builder.lake).poll()
    for path in ("/v1/insights/integrated", "/v1/machines", "/v1/machines/1", "/v1/lake"):
        etag = api.get(path)[1]["etag"]
        api.poll()
        status, headers, body = api.get(path, {"If-None-Match": f'"other", W/{etag}'})
        assert (status, headers["etag"], body) == (304, etag, "")
    builder.add(Domain.MANUFACTURING, reading_rows(5), first_row=20)
    api.poll()
    assert api.get("/v1/insights/integrated", {"If-None-Match": etag})[0] == 200


def test_freshness_says_through_when() -> None:
    api = Api(filled(reading_rows(20), purchase_rows(20)).lake).poll()
    freshness = api.ok("/v1/insights/integrated")["freshness"]
    assert freshness["data_through"] == "2026-11-23T18:38:52.361Z"
    assert freshness["sources"] == ["processed"]
    assert freshness["lag_seconds"] >= 0


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/machines?limit=0", "limit"),
        ("/v1/machines?limit=1001", "limit"),
        ("/v1/machines?risk=none", "risk"),
        ("/v1/machines?sort=age", "sort"),
        ("/v1/machines?cursor=rubbish", "cursor"),
        ("/v1/machines?cursor=%F0%9F%92%A9", "cursor"),
        ("/v1/machines?cursor=W10", "cursor"),
        ("/v1/machines/zero", "machine_id"),
        ("/v1/machines/0", "machine_id"),
        ("/v1/customers?segment=BEST", "segment"),
        ("/v1/alerts?since=yesterday", "since"),
        ("/v1/alerts?since=1735689600", "since"),
        ("/v1/alerts?min_score=nan", "min_score"),
        ("/v1/alerts?machine_id=-4", "machine_id"),
    ],
)
def test_a_wrong_parameter_is_a_problem_that_names_it(path: str, field: str) -> None:
    status, headers, body = Api(MemoryLake()).poll().get(path)
    assert status == 422
    assert headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in body["errors"]] == [field]


@pytest.mark.parametrize("path", ["/nowhere", "/v1/machines/999", "/v1/customers/nobody"])
def test_what_is_not_there_is_a_problem(path: str) -> None:
    status, headers, body = Api(MemoryLake()).poll().get(path)
    assert (status, body["status"]) == (404, 404)
    assert headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    ["/v1/machines?sort=risk", "/v1/machines?sort=alerts", "/v1/machines?sort=machine_id",
     "/v1/customers?sort=value", "/v1/customers?sort=amount", "/v1/alerts?min_score=2.7"],
)  # fmt: skip
@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_pages_add_up_to_the_list(path: str, limit: int) -> None:
    api = Api(filled(reading_rows(600), purchase_rows(100)).lake).poll()
    whole = api.ok(f"{path}&limit=1000")["items"]
    items, cursor = [], ""
    while True:
        body = api.ok(f"{path}&limit={limit}{cursor}")
        items += body["items"]
        assert len(body["items"]) <= limit
        if body["next_cursor"] is None:
            break
        cursor = f"&cursor={body['next_cursor']}"
    assert items == whole
    assert len(items) > 3


def test_a_cursor_of_another_list_is_refused() -> None:
    api = Api(filled(reading_rows(50), purchase_rows(50)).lake).poll()
    cursor = api.ok("/v1/machines?limit=1")["next_cursor"]
    assert api.get(f"/v1/customers?cursor={cursor}")[0] == 422
    assert api.get(f"/v1/machines?sort=alerts&cursor={cursor}")[0] == 422


def test_lists_filter() -> None:
    rows = reading_rows(600)
    api = Api(filled(rows, purchase_rows(100)).lake).poll()
    for risk in ("high", "medium", "low"):
        items = api.ok(f"/v1/machines?risk={risk}")["items"]
        assert {item["risk"] for item in items} <= {risk}
        assert len(items) == api.ok("/v1/insights/manufacturing")[f"{risk}_risk_machines"]
    alerts = api.ok("/v1/alerts?machine_id=3&since=2025-01-05T00:00:00Z")["items"]
    expected = [
        r for r in rows
        if r["machine_id"] == "3" and r["timestamp"] >= "2025-01-05"
        and maintenance_score(r) >= Fraction(268, 100)
    ]  # fmt: skip
    assert [a["timestamp"][:19].replace("T", " ") for a in alerts] == [
        r["timestamp"] for r in reversed(expected)
    ]


def test_one_machine_has_its_latest_reading_alerts_and_history() -> None:
    rows = reading_rows(600)
    api = Api(filled(rows, purchase_rows(5)).lake).poll()
    latest = max((r for r in rows if r["machine_id"] == "3"), key=lambda r: r["timestamp"])
    machine = api.ok("/v1/machines/3")
    assert machine["latest"]["temperature"] == float(latest["temperature"])
    assert machine["latest"]["maintenance_priority_score"] == pytest.approx(
        float(maintenance_score(latest))
    )
    assert machine["readings"] == sum(r["machine_id"] == "3" for r in rows)
    assert sum(hour["readings"] for hour in machine["history"]) >= machine["readings_in_window"]
    assert machine["freshness"]["data_through"]


def test_one_customer_has_totals_and_the_latest_purchase() -> None:
    rows = purchase_rows(300)
    api = Api(filled(reading_rows(5), rows).lake).poll()
    mine = [r for r in rows if r["Customer_ID"] == "c07"]
    customer = api.ok("/v1/customers/c07")
    assert customer["purchases"] == len(mine)
    total = sum(Fraction(r["Purchase_Amount"].strip(" $")) for r in mine)
    assert customer["total_amount"] == pytest.approx(float(total))


def test_the_metrics_are_in_the_text_format() -> None:
    api = Api(filled(reading_rows(20), purchase_rows(20)).lake).poll()
    api.ok("/v1/lake")
    text = api.get("/metrics")[2]
    assert 'lake_rows{domain="manufacturing"} 20' in text
    assert "# TYPE api_responses_total counter" in text
    for line in text.splitlines():
        assert line.startswith("#") or len(line.rsplit(" ", 1)) == 2


def test_the_openapi_document_describes_every_answer() -> None:
    document = Api(MemoryLake()).ok("/openapi.json")
    for path, methods in document["paths"].items():
        operation = methods["get"]
        assert operation.get("description"), path
        if path not in {"/metrics", "/v1/alerts/stream"}:
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            assert "$ref" in schema, path


def test_the_first_page_asks_nobody_else() -> None:
    status, headers, page = Api(MemoryLake()).get("/")
    assert status == 200
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "http://" not in page
    assert "https://" not in page
