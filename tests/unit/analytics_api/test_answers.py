"""Every published number against an independent computation; any order, each identity once."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from analytics_api.app import make_app
from analytics_api.follower import Follower
from analytics_api.lake_reader import StoredObject
from analytics_api.service import LakeService
from lake_core.arrow import Positions, scored_table
from lake_core.errors import TransientError, UnreadableObject
from lake_core.events import Event
from lake_core.footer import Footer
from lake_core.layout import Chain, RangeName, hour_of
from lake_core.names import Domain
from lake_core.parquet import encode_object
from lake_core.parsing import event_from_cells
from lake_core.rules import DEFAULT
from lake_core.schema import csv_header

ARRIVAL = 1_795_459_132_361
INCARNATION = "20261123T181500123Z"
Row = dict[str, str]


class MemoryLake:
    """A bucket in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.away = False
        self.reads = 0

    def list(self, prefix: str, after: str = "") -> Iterable[StoredObject]:
        if self.away:
            raise TransientError("the bucket is away")
        keys = sorted(k for k in self.objects if k.startswith(prefix) and k > after)
        return [StoredObject(key, len(self.objects[key])) for key in keys]

    def read(self, key: str) -> bytes:
        self.reads += 1
        if key not in self.objects:
            raise UnreadableObject(f"{key} is gone")
        return self.objects[key]


class Builder:
    """Writes chains of ranges as the processor does."""

    def __init__(self) -> None:
        self.lake = MemoryLake()
        self._ends: dict[Chain, int] = {}
        self.hidden: dict[str, bytes] = {}

    def add(
        self, domain: Domain, rows: list[Row], *, shard: int = 0, source: str | None = "f.csv-0a-0",
        first_row: int = 0, unusable: int = 0, gap: bool = False,
    ) -> str:  # fmt: skip
        """Add a range of rows to a shard's chain; return its key."""
        chain = Chain(domain, INCARNATION, f"shardId-{shard:012d}")
        after = self._ends.get(chain)
        first = (after or 100) + 1
        last = first + len(rows) + unusable
        self._ends[chain] = last
        events = [self._event(domain, cells, source, first_row + i) for i, cells in enumerate(rows)]
        n = len(events)
        positions = Positions([str(first + i) for i in range(n)], [0] * n, [ARRIVAL] * n)
        footer = Footer(
            format_version=1, schema_version=1, scoring_version="default-1", domain=domain,
            shard=chain.shard, incarnation=INCARNATION, first=str(first), last=str(last),
            after=None if after is None else str(after), first_arrival=ARRIVAL,
            last_arrival=ARRIVAL, records=n + unusable, rows=n, unusable=unusable,
            payload_bytes=300 * n, stream_bytes=300 * n, gap_possible=gap,
        )  # fmt: skip
        hour = hour_of(dt.datetime.fromtimestamp(ARRIVAL / 1000, dt.UTC))
        key = RangeName(chain, hour, first).key
        table = scored_table(domain, events, positions, DEFAULT)
        self.lake.objects[key] = encode_object(table, footer)
        return key

    @staticmethod
    def _event(domain: Domain, cells: Row, source: str | None, row: int) -> Event:
        event = event_from_cells(domain, cells)
        if source is not None:
            event.event_source, event.event_row = source, row
        return event


class Api:
    """A small ASGI client over a service that is polled by hand."""

    def __init__(self, lake: MemoryLake) -> None:
        follower = Follower(lake, DEFAULT, lambda: ARRIVAL / 1000 + 5)
        self.service = LakeService(follower, DEFAULT, 1.0)
        self._app = make_app(self.service)

    def poll(self) -> Api:
        self.service.refresh()
        return self

    def get(
        self, path: str, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], Any]:
        target, _, query = path.partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
            "path": target, "raw_path": target.encode(), "query_string": query.encode(),
            "headers": [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()],
            "scheme": "http", "server": ("test", 80), "client": ("test", 1), "root_path": "",
        }  # fmt: skip
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self._app(scope, receive, send))
        given = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
        body = b"".join(message.get("body", b"") for message in sent[1:])
        is_json = "json" in given.get("content-type", "")
        return sent[0]["status"], given, json.loads(body) if is_json and body else body.decode()

    def ok(self, path: str) -> Any:
        status, _, body = self.get(path)
        assert status == 200, (status, body)
        return body


# --- rows, and what they come to in plain Python


def reading_rows(count: int) -> list[Row]:
    rows = []
    for i in range(count):
        n = i * 7919 % 10007
        minute = dt.datetime(2025, 1, 1) + dt.timedelta(minutes=37 * i)  # noqa: DTZ001
        values = (
            f"{minute}", 1 + n % 7, (5000 + n % 5000) / 100, (n % 9500) / 100, 50.0, 2.5,
            (n % 450) / 100, n % 3, n % 2, n % 500, "Normal", float(n % 2), n % 2,
        )  # fmt: skip
        rows.append(dict(zip(csv_header(Domain.MANUFACTURING), map(str, values), strict=True)))
    return rows


def purchase_rows(count: int) -> list[Row]:
    rows = []
    for i in range(count):
        n = i * 7919 % 10007
        cells = dict.fromkeys(csv_header(Domain.ECOMMERCE), "x")
        cells |= {
            "Customer_ID": f"c{n % 23:02d}", "Age": "30",
            "Purchase_Category": ("Books", "Toys", "Hotels")[n % 3],
            "Purchase_Amount": f"${50 + n % 400}.{n % 100:02d} ",
            "Frequency_of_Purchase": str(2 + n % 11), "Brand_Loyalty": str(1 + n % 5),
            "Purchase_Channel": ("Online", "Mixed")[n % 2], "Product_Rating": "3",
            "Time_Spent_on_Product_Research(hours)": "1", "Return_Rate": "0",
            "Customer_Satisfaction": str(1 + n % 10), "Time_of_Purchase": f"{1 + n % 12}/5/2024",
            "Discount_Used": "TRUE", "Customer_Loyalty_Program_Member": "FALSE",
            "Time_to_Decision": "2",
        }  # fmt: skip
        rows.append(cells)
    return rows


def rounded(value: Decimal) -> Fraction:
    return Fraction(value.quantize(Decimal("0.01"), ROUND_HALF_EVEN))


def maintenance_score(r: Row) -> Fraction:
    t, v, a, d = (
        Decimal(r[k]) for k in ("temperature", "vibration", "anomaly_flag", "downtime_risk")
    )
    return rounded(
        Decimal("0.3") * t / 100 + Decimal("0.25") * v / 10 + Decimal("0.15") * a
        + Decimal("0.3") * d
    )  # fmt: skip


def value_score(r: Row) -> Fraction:
    return rounded(
        Decimal("0.4") * Decimal(r["Purchase_Amount"].strip(" $")) / 1000
        + Decimal("0.3") * Decimal(r["Frequency_of_Purchase"]) / 10
        + Decimal("0.15") * Decimal(r["Brand_Loyalty"]) / 10
        + Decimal("0.15") * Decimal(r["Customer_Satisfaction"]) / 10
    )


def mean(values: list[Fraction]) -> float:
    return float(sum(values) / len(values))


def expected_manufacturing(rows: list[Row]) -> dict[str, Any]:
    by_machine: dict[str, list[tuple[dt.datetime, int, Row]]] = defaultdict(list)
    for i, r in enumerate(rows):
        by_machine[r["machine_id"]].append((dt.datetime.fromisoformat(r["timestamp"]), i, r))
    risks = {"high": 0, "medium": 0, "low": 0}
    due = 0
    for readings in by_machine.values():
        at, _, latest = max(readings, key=lambda one: one[:2])
        window = [
            maintenance_score(r) for t, _, r in readings if at - dt.timedelta(hours=24) < t <= at
        ]
        average = sum(window) / len(window)
        level = "high" if average > Fraction(16, 10) else "medium"
        risks[level if average > Fraction(15, 10) else "low"] += 1
        due += latest["maintenance_required"] == "1" or int(latest["predicted_remaining_life"]) < 20
    scores = [maintenance_score(r) for r in rows]
    alerts = [s for s in scores if s >= Fraction(268, 100)]
    efficiency = [
        min(
            Fraction(r["predicted_remaining_life"]) / Fraction(r["energy_consumption"]),
            Fraction(500),
        )
        if Fraction(r["energy_consumption"]) > 0
        else Fraction(0)
        for r in rows
    ]
    return {
        "total_machines_analyzed": len(by_machine),
        **{f"{level}_risk_machines": count for level, count in risks.items()},
        "records_analyzed": len(rows),
        "average_maintenance_priority": mean(scores),
        "high_priority_alerts": len(alerts),
        "average_alert_score": mean(alerts) if alerts else None,
        "predicted_maintenance_events": due,
        "average_machine_efficiency": mean(efficiency) / 500,
        "data_quality_score": 1.0,
        "scoring_version": "default-1",
    }


def expected_ecommerce(rows: list[Row]) -> dict[str, Any]:
    latest: dict[str, tuple[tuple[Any, ...], Row]] = {}
    channels: dict[str, list[Fraction]] = defaultdict(list)
    categories: dict[str, int] = defaultdict(int)
    for i, r in enumerate(rows):
        month, day, year = (int(x) for x in r["Time_of_Purchase"].split("/"))
        order = (dt.date(year, month, day), i)
        held = latest.get(r["Customer_ID"])
        if held is None or order > held[0]:
            latest[r["Customer_ID"]] = (order, r)
        channels[r["Purchase_Channel"]].append(value_score(r))
        categories[r["Purchase_Category"]] += 1
    scores = [value_score(r) for _, r in latest.values()]
    return {
        "total_customers_analyzed": len(latest),
        "high_value_customers": sum(s > Fraction(60, 100) for s in scores),
        "medium_value_customers": sum(Fraction(40, 100) < s <= Fraction(60, 100) for s in scores),
        "standard_customers": sum(s <= Fraction(40, 100) for s in scores),
        "average_customer_value_score": mean(scores),
        "average_purchase_amount": mean([Fraction(r["Purchase_Amount"].strip(" $")) for r in rows]),
        "most_popular_category": min(categories, key=lambda c: (-categories[c], c)),
        "highest_value_purchase_channel": min(
            channels, key=lambda c: (-sum(channels[c]) / len(channels[c]), c)
        ),
        "customer_satisfaction_index": mean([Fraction(r["Customer_Satisfaction"]) for r in rows]),
        "data_quality_score": 1.0,
        "scoring_version": "default-1",
    }


def assert_figures(answer: dict[str, Any], expected: dict[str, Any]) -> None:
    assert set(answer) - {"freshness"} == set(expected)
    for name, value in expected.items():
        if isinstance(value, float):
            assert answer[name] == pytest.approx(value, rel=1e-9), name
        else:
            assert answer[name] == value, name


def filled(readings: list[Row], purchases: list[Row], pieces: int = 3) -> Builder:
    builder = Builder()
    for domain, rows in ((Domain.MANUFACTURING, readings), (Domain.ECOMMERCE, purchases)):
        size = -(-len(rows) // pieces)
        for piece in range(pieces):
            at = piece * size
            builder.add(domain, rows[at : at + size], shard=piece % 2, first_row=at)
    return builder


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


@pytest.mark.parametrize("step", [1, 3, 5])
def test_the_order_of_discovery_does_not_matter(step: int) -> None:
    readings, purchases = reading_rows(200), purchase_rows(100)
    builder = filled(readings, purchases, 7)
    every = dict(builder.lake.objects)
    keys = sorted(every, key=lambda key: hash((key[-20:], step)))
    builder.lake.objects.clear()
    api = Api(builder.lake)
    for at in range(0, len(keys), step):
        builder.lake.objects |= {key: every[key] for key in keys[at : at + step]}
        api.poll()
    assert_figures(api.ok("/v1/insights/manufacturing"), expected_manufacturing(readings))
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
    assert api.ok("/readyz") == {"status": "ready"}


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
        if path != "/metrics":
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            assert "$ref" in schema, path


def test_the_first_page_asks_nobody_else() -> None:
    status, headers, page = Api(MemoryLake()).get("/")
    assert status == 200
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "http://" not in page
    assert "https://" not in page
