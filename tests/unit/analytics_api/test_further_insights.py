"""The insights beyond the figures against plain Python over the rows, which shares no code."""

from __future__ import annotations

import datetime as dt
import math
import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from analytics_api.correlation import correlation, interval
from lake_core.names import Domain
from tests.unit.analytics_api.curated_builder import Tasks
from tests.unit.analytics_api.expectations import (
    Row,
    maintenance_score,
    purchase_rows,
    reading_rows,
    value_score,
)
from tests.unit.analytics_api.lake_builder import Api, Builder, filled

READINGS = reading_rows(900)  # 23 days


def january_purchases(count: int) -> list[Row]:
    """Purchases on the days of the readings and some after, each customer on several days."""
    rows = purchase_rows(count)
    for i, row in enumerate(rows):
        row["Time_of_Purchase"] = f"1/{1 + i * 13 % 28}/2025"
        row["Brand_Loyalty"] = str(1 + i * 7 % 5)
    return rows


PURCHASES = january_purchases(400)


@pytest.fixture(
    scope="module",
    params=[lambda b: None, lambda b: Tasks(b.lake).batch(1)],
    ids=["from processed/", "from states and tails"],
)
def api(request: pytest.FixtureRequest) -> Api:
    builder = filled(READINGS, PURCHASES)
    prepare: Callable[[Builder], None] = request.param
    prepare(builder)
    return Api(builder.lake).poll()


def near(answer: Any, expected: Any) -> None:
    """Assert equality, of numbers to nine digits."""
    if isinstance(expected, dict):
        assert set(answer) == set(expected)
        for name, value in expected.items():
            near(answer[name], value)
    elif isinstance(expected, Fraction | float):
        assert answer == pytest.approx(float(expected), rel=1e-9, abs=1e-12)
    else:
        assert answer == expected


def efficiency(r: Row) -> Fraction:
    energy = Fraction(r["energy_consumption"])
    if energy <= 0:
        return Fraction(0)
    return min(Fraction(r["predicted_remaining_life"]) / energy, Fraction(500))


def amount(r: Row) -> Fraction:
    return Fraction(r["Purchase_Amount"].strip(" $"))


def day_of_purchase(r: Row) -> str:
    month, day, year = (int(part) for part in r["Time_of_Purchase"].split("/"))
    return dt.date(year, month, day).isoformat()


def by(rows: list[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def mean(values: list[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def reading_day(rows: list[Row]) -> dict[str, Any]:
    return {
        "readings": len(rows),
        "average_maintenance_priority": mean([maintenance_score(r) for r in rows]),
        # Each efficiency is kept to a millionth
        "average_machine_efficiency": mean([Fraction(round(efficiency(r) * 10**6), 10**6)
                                            for r in rows]) / 500,
        "alerts": sum(maintenance_score(r) >= Fraction(268, 100) for r in rows),
        "anomalies": sum(r["anomaly_flag"] == "1" for r in rows),
    }  # fmt: skip


def purchase_day(rows: list[Row]) -> dict[str, Any]:
    return {
        "purchases": len(rows),
        "revenue": sum(map(amount, rows)),
        "average_customer_value_score": mean([value_score(r) for r in rows]),
        "customer_satisfaction_index": mean([Fraction(r["Customer_Satisfaction"]) for r in rows]),
    }


def test_the_trend_has_both_domains_of_each_day_side_by_side(api: Api) -> None:
    readings = by(READINGS, lambda r: r["timestamp"][:10])
    purchases = by(PURCHASES, day_of_purchase)
    answer = api.ok("/v1/insights/trend")
    days = sorted({*readings, *purchases})
    assert (answer["first_day"], answer["last_day"]) == ("2024-10-31", "2025-01-28")
    assert [line["day"] for line in answer["days"]] == days
    for line in answer["days"]:
        day = line["day"]
        near(line["manufacturing"], reading_day(readings[day]) if day in readings else None)
        near(line["ecommerce"], purchase_day(purchases[day]) if day in purchases else None)


def test_correlations_are_those_of_the_statistics_module(api: Api) -> None:
    readings = by(READINGS, lambda r: r["timestamp"][:10])
    purchases = by(PURCHASES, day_of_purchase)
    common = sorted({*readings} & {*purchases})
    assert len(common) > 20
    answer = api.ok("/v1/insights/trend")["correlations"]
    assert len(answer) == 4
    for said in answer:
        one = [float(reading_day(readings[day])[said["manufacturing"]]) for day in common]
        other = [float(purchase_day(purchases[day])[said["ecommerce"]]) for day in common]
        r = statistics.correlation(one, other)
        reach = statistics.NormalDist().inv_cdf(0.975) / math.sqrt(len(common) - 3)
        low, high = math.tanh(math.atanh(r) - reach), math.tanh(math.atanh(r) + reach)
        near(said["r"], r)
        assert said["interval_95"] == [pytest.approx(low), pytest.approx(high)]
        assert said["days"] == len(common)
        assert (said["verdict"] == "noise") is (low <= 0 <= high)


def test_of_independent_series_one_in_twenty_is_not_called_noise() -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    verdicts = Counter(
        correlation([(chance.gauss(0, 1), chance.gauss(0, 1)) for _ in range(60)])["verdict"]
        for _ in range(1000)
    )
    assert 930 <= verdicts["noise"] <= 970


def test_a_real_relation_is_found_and_graded() -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    base = [chance.gauss(0, 1) for _ in range(200)]
    for noise, verdict in ((0.1, "strong"), (2.0, "moderate"), (4.0, "weak")):
        found = correlation([(x, x + chance.gauss(0, noise)) for x in base])
        assert found["verdict"] == verdict
        assert found["interval_95"][0] > 0
    assert correlation([(x, -x) for x in base])["r"] == -1.0
    assert interval(1.0, 20) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        ([(1.0, 2.0)] * 9, "9 common days; at least 10 are needed"),
        ([(0.1, float(x)) for x in range(30)], "one of the two is the same every day"),
    ],
)
def test_where_nothing_can_be_said_the_reason_is(
    pairs: list[tuple[float, float]], reason: str
) -> None:
    found = correlation(pairs)
    assert (found["r"], found["verdict"], found["reason"]) == (None, None, reason)


def test_days_of_different_years_have_no_correlation_but_a_reason() -> None:
    api = Api(filled(READINGS, purchase_rows(100)).lake).poll()
    for said in api.ok("/v1/insights/trend?days=400")["correlations"]:
        assert said["reason"] == "1 common day; at least 10 are needed" or said["days"] == 0
        assert said["r"] is None


def test_the_trend_is_as_long_as_asked(api: Api) -> None:
    answer = api.ok("/v1/insights/trend?days=7")
    assert [line["day"] for line in answer["days"]] == [f"2025-01-{d}" for d in range(22, 29)]
    assert api.ok("/v1/insights/trend?days=90") == api.ok("/v1/insights/trend")
    for bad in ("0", "401", "x"):
        status, _, problem = api.get(f"/v1/insights/trend?days={bad}")
        assert (status, problem["errors"][0]["field"]) == (422, "days")


def test_each_domain_may_be_shown_up_to_its_own_newest_day(api: Api) -> None:
    newest = {
        "manufacturing": max(r["timestamp"][:10] for r in READINGS),
        "ecommerce": max(map(day_of_purchase, PURCHASES)),
    }
    answer = api.ok("/v1/insights/trend?days=7&window=own")
    for domain, last in newest.items():
        end = dt.date.fromisoformat(last)
        wanted = {str(end - dt.timedelta(days=back)) for back in range(7)}
        days = {line["day"] for line in answer["days"] if line[domain]}
        assert days
        assert days <= wanted
        assert last in days
    assert answer["last_day"] == max(newest.values())
    common = api.ok("/v1/insights/trend?days=7&window=common")
    assert common == api.ok("/v1/insights/trend?days=7")
    assert api.get("/v1/insights/trend?window=both")[0] == 422


def window_of(rows: list[Row]) -> list[Row]:
    latest = max(dt.datetime.fromisoformat(r["timestamp"]) for r in rows)
    return [
        r
        for r in rows
        if latest - dt.timedelta(hours=24) < dt.datetime.fromisoformat(r["timestamp"])
    ]


WEIGHTS = {
    "temperature": Fraction(3, 1000),
    "vibration": Fraction(25, 1000),
    "anomaly_flag": Fraction(15, 100),
    "downtime_risk": Fraction(3, 10),
}


def term_means(rows: list[Row]) -> dict[str, Fraction]:
    return {name: w * mean([Fraction(r[name]) for r in rows]) for name, w in WEIGHTS.items()}


def test_risk_drivers_are_what_the_readings_of_the_last_day_say(api: Api) -> None:
    windows = {m: window_of(rows) for m, rows in by(READINGS, lambda r: r["machine_id"]).items()}
    every = [r for rows in windows.values() for r in rows]
    threshold = Fraction(3, 2)
    answer = api.ok("/v1/insights/risk-drivers")
    fleet = mean([maintenance_score(r) for r in every])
    near(answer["fleet"], {
        "machines": 7, "readings": len(every), "mean_score": fleet,
        "mean_excess": fleet - threshold, "terms": term_means(every),
    })  # fmt: skip
    excess = {
        m: sum((maintenance_score(r) - threshold for r in rows), Fraction(0))
        for m, rows in windows.items()
    }
    order = sorted(excess, key=lambda m: (-excess[m], int(m)))
    assert [str(one["machine_id"]) for one in answer["machines"]] == order
    raised = sum(max(Fraction(0), e) for e in excess.values())
    for said in answer["machines"]:
        rows = windows[str(said["machine_id"])]
        machine_excess, means = excess[str(said["machine_id"])], term_means(rows)
        near(said["contribution"], machine_excess / len(every))
        near(said["share_of_excess"], max(Fraction(0), machine_excess) / raised)
        near(said["mean_score"], mean([maintenance_score(r) for r in rows]))
        differences = {name: means[name] - term_means(every)[name] for name in WEIGHTS}
        near(said["terms"], {n: {"mean": means[n], "difference": differences[n]} for n in WEIGHTS})
        best = max(differences, key=lambda name: differences[name])
        assert said["main_driver"] == (best if differences[best] > 0 else None)


def test_contributions_add_up_and_terms_explain_the_difference(api: Api) -> None:
    answer = api.ok("/v1/insights/risk-drivers")
    total = sum(one["contribution"] for one in answer["machines"])
    assert total == pytest.approx(answer["fleet"]["mean_excess"])
    for one in answer["machines"]:
        explained = sum(term["difference"] for term in one["terms"].values())
        assert explained == pytest.approx(one["mean_score"] - answer["fleet"]["mean_score"],
                                          abs=0.01)  # fmt: skip


def segment(r: Row) -> str:
    score = value_score(r)
    if score > Fraction(6, 10):
        return "HIGH_VALUE"
    return "MEDIUM_VALUE" if score > Fraction(4, 10) else "STANDARD"


def test_segment_migration_is_from_first_to_latest_purchase(api: Api) -> None:
    moves: Counter[tuple[str, str]] = Counter()
    single = 0
    for rows in by(PURCHASES, lambda r: r["Customer_ID"]).values():
        ordered = sorted(rows, key=day_of_purchase)  # of one day: in the order of the file
        moves[segment(ordered[0]), segment(ordered[-1])] += 1
        single += len(rows) == 1
    answer = api.ok("/v1/insights/segment-migration")
    names = ("HIGH_VALUE", "MEDIUM_VALUE", "STANDARD")
    assert answer["matrix"] == {a: {b: moves[a, b] for b in names} for a in names}
    up = sum(moves[a, b] for i, a in enumerate(names) for b in names[:i])
    down = sum(moves[a, b] for i, a in enumerate(names) for b in names[i + 1 :])
    assert up + down > 0
    assert (answer["moved_up"], answer["moved_down"]) == (up, down)
    assert answer["stayed"] == answer["customers"] - up - down == 23 - up - down
    assert answer["customers_with_one_purchase"] == single


def test_the_mix_is_what_was_bought_where(api: Api) -> None:
    answer = api.ok("/v1/insights/mix")
    revenue = sum(map(amount, PURCHASES))
    near(answer["revenue"], revenue)

    def figures(rows: list[Row]) -> dict[str, Any]:
        return {
            "purchases": len(rows),
            "share_of_purchases": Fraction(len(rows), len(PURCHASES)),
            "revenue": sum(map(amount, rows)),
            "share_of_revenue": sum(map(amount, rows)) / revenue,
            "average_customer_value_score": mean([value_score(r) for r in rows]),
        }

    cells = by(PURCHASES, lambda r: (r["Purchase_Category"], r["Purchase_Channel"]))
    assert len(answer["cells"]) == answer["cells_total"] == len(cells) == 6
    for cell in answer["cells"]:
        rows = cells[cell["category"], cell["channel"]]
        near(cell, {"category": cell["category"], "channel": cell["channel"], **figures(rows)})
    for kind, column in (("category", "Purchase_Category"), ("channel", "Purchase_Channel")):
        listed = answer["categories" if kind == "category" else "channels"]
        for one in listed:
            rows = [r for r in PURCHASES if r[column] == one[kind]]
            near(one, {kind: one[kind], **figures(rows)})
        assert [one["revenue"] for one in listed] == sorted(
            (one["revenue"] for one in listed), reverse=True
        )


def test_completeness_counts_what_was_sent_twice_and_what_could_not_be_used() -> None:
    builder = Builder()
    builder.add(Domain.MANUFACTURING, READINGS[:30], unusable=10)
    builder.add(Domain.MANUFACTURING, READINGS[20:40], first_row=20, shard=1)
    api = Api(builder.lake).poll()
    answer = api.ok("/v1/insights/completeness")
    assert answer["domains"]["manufacturing"] == {
        "entries_received": 60, "events": 40, "duplicates": 10, "duplicate_share": 0.2,
        "quarantined_entries": 10, "quarantined_share": 10 / 60, "shards": 2, "gaps": 0,
        "possible_gaps": 0, "objects_set_aside": 0, "objects_unreadable": 0,
        "objects_waiting": 0, "complete": True,
    }  # fmt: skip
    assert answer["domains"]["ecommerce"]["complete"] is False  # of nothing nothing is proven
    by_domain = answer["freshness"]["by_domain"]
    assert by_domain["manufacturing"]["lag_seconds"] >= 0
    assert by_domain["ecommerce"]["data_through"] is None


def test_completeness_keeps_its_tag_while_only_the_clock_goes_on() -> None:
    api = Api(filled(READINGS, PURCHASES).lake).poll()
    _, headers, first = api.get("/v1/insights/completeness")
    tag = headers["etag"]
    api.poll()
    assert api.get("/v1/insights/completeness", {"If-None-Match": tag})[0] == 304
    assert first["domains"]["ecommerce"]["complete"] is True


def test_without_data_of_a_domain_its_insights_are_not_there_yet() -> None:
    builder = Builder()
    builder.add(Domain.MANUFACTURING, READINGS[:5])
    api = Api(builder.lake).poll()
    assert api.get("/v1/insights/mix")[0] == 503
    assert api.get("/v1/insights/segment-migration")[0] == 503
    assert api.ok("/v1/insights/trend")["days"][0]["ecommerce"] is None
