"""Column-wise sums equal the scalar formulas of core; places in lists are never ambiguous."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_api.frames import efficiencies_micro
from analytics_api.orders import CUSTOMER_KEYS, Order
from lake_core.names import Domain
from lake_core.scoring import machine_efficiency_micro
from tests.unit.analytics_api.expectations import purchase_rows, reading_rows
from tests.unit.analytics_api.lake_builder import Api, Builder, filled

ENERGIES = st.one_of(
    st.integers(-500, 100_000).map(lambda n: n / 100),
    st.floats(-1e9, 1e9),
    st.sampled_from([0.0, -0.0, 1e-9, 0.29, 0.57, 1.15, 1e9]),
)


@given(st.lists(st.tuples(st.integers(0, 2**31 - 1), ENERGIES), max_size=30))
@settings(deadline=None)
def test_efficiency_by_columns_equals_efficiency_one_by_one(pairs: list[tuple[int, float]]) -> None:
    frame = pl.DataFrame(
        {"predicted_remaining_life": [p[0] for p in pairs],
         "energy_consumption": [p[1] for p in pairs]},
        schema={"predicted_remaining_life": pl.Int32, "energy_consumption": pl.Float64},
    )  # fmt: skip
    assert efficiencies_micro(frame).to_list() == [machine_efficiency_micro(*p) for p in pairs]


def test_alerts_of_two_shards_at_one_time_with_one_sequence_number_are_both_listed() -> None:
    builder, (row,) = Builder(), reading_rows(1)
    row |= {"temperature": "120.0", "vibration": "99.0"}
    for shard in range(2):
        cells = row | {"machine_id": str(shard + 1)}
        builder.add(Domain.MANUFACTURING, [cells], shard=shard, source=None)
    api = Api(builder.lake).poll()
    first = api.ok("/v1/alerts?limit=1")
    second = api.ok(f"/v1/alerts?limit=1&cursor={first['next_cursor']}")
    assert [first["items"][0]["machine_id"], second["items"][0]["machine_id"]] == [2, 1]
    assert second["next_cursor"] is None


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 100)), max_size=8), max_size=6)
)
def test_an_order_that_grew_equals_one_made_at_once(waves: list[list[tuple[int, int]]]) -> None:
    grown, held = Order(CUSTOMER_KEYS["value"], "segment"), dict[str, dict[str, Any]]()
    for wave in waves:
        new = {
            f"c{number}": {"customer_id": f"c{number}", "customer_value_score": score / 100,
                           "segment": "HIGH" if score > 60 else "LOW"}
            for number, score in wave
        }  # fmt: skip
        grown.renew([held[name] for name in new if name in held], new.values())
        held |= new
    made = Order(CUSTOMER_KEYS["value"], "segment")
    made.renew([], held.values())
    assert {k: v for k, v in grown.lists.items() if v} == {k: v for k, v in made.lists.items() if v}


@pytest.mark.parametrize("path", ["/v1/machines?sort=machine_id", "/v1/customers?sort=customer_id"])
def test_pages_stay_whole_while_data_flows(path: str) -> None:
    readings, purchases = reading_rows(300), purchase_rows(300)
    builder = filled(readings[:100], purchases[:100])
    api = Api(builder.lake).poll()
    name = path.split("sort=")[1]
    before = {item[name] for item in api.ok(f"{path}&limit=1000")["items"]}
    seen, cursor, row = [], "", 100
    while True:
        body = api.ok(f"{path}&limit=2{cursor}")
        seen += [item[name] for item in body["items"]]
        if body["next_cursor"] is None:
            break
        cursor = f"&cursor={body['next_cursor']}"
        builder.add(Domain.MANUFACTURING, readings[row : row + 10], first_row=row)
        builder.add(Domain.ECOMMERCE, purchases[row : row + 10], first_row=row)
        api.poll()
        row += 10
    assert len(seen) == len(set(seen))
    assert before <= set(seen)
    assert seen == sorted(seen)


def test_alerts_that_arrive_between_pages_neither_repeat_nor_hide_older_ones() -> None:
    rows = reading_rows(600)
    builder = filled(rows[:400], purchase_rows(5))
    api = Api(builder.lake).poll()
    old = api.ok("/v1/alerts?limit=1000")["items"]
    first = api.ok("/v1/alerts?limit=3")
    builder.add(Domain.MANUFACTURING, rows[400:], first_row=400)
    api.poll()
    rest = api.ok(f"/v1/alerts?limit=1000&cursor={first['next_cursor']}")
    assert first["items"] + rest["items"] == old
    assert len(api.ok("/v1/alerts?limit=1000")["items"]) > len(old)


def test_a_customer_may_have_any_name() -> None:
    builder, (row,) = Builder(), purchase_rows(1)
    for number, name in enumerate(("a/b", "é ?#", "..")):
        builder.add(Domain.ECOMMERCE, [row | {"Customer_ID": name}], first_row=number)
    api = Api(builder.lake).poll()
    for name in ("a/b", "é ?#", ".."):
        assert api.ok_at("/v1/customers/" + name)["customer_id"] == name
