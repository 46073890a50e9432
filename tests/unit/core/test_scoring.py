"""Scores agree with decimal arithmetic, one by one and over columns."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lake_core.arrow import Positions, scored_table
from lake_core.errors import SettingsError
from lake_core.events import Event, Purchase, Reading
from lake_core.names import Domain
from lake_core.rules import DEFAULT, ORIGINAL, rule_set
from lake_core.schema import SCORE_COLUMNS
from lake_core.scoring import (
    Risk,
    Segment,
    is_alert,
    machine_efficiency_micro,
    risk,
    score,
    segment,
)

cents = st.integers(-50_000, 50_000)


def make_reading(temperature: float, vibration: float, anomaly: int, downtime: float) -> Reading:
    return Reading(
        timestamp=dt.datetime(2025, 1, 1),  # noqa: DTZ001 - the column is naive UTC
        machine_id=1,
        temperature=temperature,
        vibration=vibration,
        humidity=50.0,
        pressure=2.0,
        energy_consumption=1.0,
        machine_status=1,
        anomaly_flag=anomaly,
        predicted_remaining_life=100,
        failure_type="Normal",
        downtime_risk=downtime,
        maintenance_required=0,
    )


def make_purchase(amount: float, frequency: int, loyalty: int, satisfaction: int) -> Purchase:
    text = "x"
    return Purchase(
        customer_id="c", age=30, gender=text, income_level=text, marital_status=text,
        education_level=text, occupation=text, location=text, purchase_category=text,
        purchase_amount=amount, frequency_of_purchase=frequency, purchase_channel=text,
        brand_loyalty=loyalty, product_rating=3, time_spent_on_product_research_hours=1.0,
        social_media_influence=text, discount_sensitivity=text, return_rate=0,
        customer_satisfaction=satisfaction, engagement_with_ads=text,
        device_used_for_shopping=text, payment_method=text,
        time_of_purchase=dt.date(2024, 1, 1), discount_used=True,
        customer_loyalty_program_member=False, purchase_intent=text, shipping_preference=text,
        time_to_decision=3,
    )  # fmt: skip


def half_even(value: Decimal) -> int:
    return int(value.quantize(Decimal("0.01"), ROUND_HALF_EVEN).scaleb(2))


def maintenance(t: float, v: float, a: int, r: float) -> int:
    t_, v_, r_ = (Decimal(repr(x)) for x in (t, v, r))
    with localcontext(prec=1000):  # the 28 digits of its own lose what a tie may hang on
        return half_even(
            Decimal("0.3") * t_ / 100 + Decimal("0.25") * v_ / 10
            + Decimal("0.15") * a + Decimal("0.3") * r_
        )  # fmt: skip


def value(amount: float, f: int, b: int, s: int) -> int:
    return half_even(
        Decimal("0.4") * Decimal(repr(amount)) / 1000 + Decimal("0.3") * f / 10
        + Decimal("0.15") * b / 10 + Decimal("0.15") * s / 10
    )  # fmt: skip


@given(cents, cents, st.integers(0, 1), st.integers(0, 100))
def test_a_maintenance_score_agrees_with_decimal(t: int, v: int, a: int, r: int) -> None:
    values = (t / 100, v / 100, a, r / 100)
    assert score(Domain.MANUFACTURING, make_reading(*values), DEFAULT) == maintenance(*values)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.integers(0, 1), st.floats(0, 1, width=32))
@example(7.99e-129, 1.0, 0, 0.0)
def test_finer_inputs_are_scored_by_the_decimal_they_show(
    t: float, v: float, a: int, r: float
) -> None:
    assert score(Domain.MANUFACTURING, make_reading(t, v, a, r), DEFAULT) == maintenance(t, v, a, r)


@given(st.integers(0, 100_000), st.integers(0, 30), st.integers(1, 5), st.integers(1, 10))
def test_a_customer_score_agrees_with_decimal(a: int, f: int, b: int, s: int) -> None:
    event = make_purchase(a / 100, f, b, s)
    assert score(Domain.ECOMMERCE, event, DEFAULT) == value(a / 100, f, b, s)


numbers = cents.map(lambda n: n / 100) | st.floats(-1e4, 1e4)


@given(st.lists(st.tuples(numbers, numbers, st.integers(0, 1), st.floats(0, 1)), max_size=30))
def test_the_columns_are_scored_like_the_rows(
    rows: list[tuple[float, float, int, float]],
) -> None:
    events: list[Event] = [make_reading(*row) for row in rows]
    n = len(events)
    positions = Positions([str(i) for i in range(n)], [0] * n, list(range(n)))
    table = scored_table(Domain.MANUFACTURING, events, positions, DEFAULT)
    column = table[SCORE_COLUMNS[Domain.MANUFACTURING]].to_pylist()
    assert [round(x * 100) for x in column if x is not None] == [
        score(Domain.MANUFACTURING, event, DEFAULT) for event in events
    ]


@pytest.mark.parametrize(
    ("hundredths", "expected"),
    [
        (61, Segment.HIGH_VALUE),
        (60, Segment.MEDIUM_VALUE),
        (41, Segment.MEDIUM_VALUE),
        (40, Segment.STANDARD),
        (0, Segment.STANDARD),
    ],
)
def test_segments_begin_above_their_threshold(hundredths: int, expected: Segment) -> None:
    assert segment(hundredths, DEFAULT) is expected


def test_the_segment_column_follows_the_scores() -> None:
    events: list[Event] = [
        make_purchase(amount, 6, 3, satisfaction)
        for amount in (50.0, 200.0, 499.99)
        for satisfaction in (1, 5, 10)
    ]
    n = len(events)
    positions = Positions([str(i) for i in range(n)], [0] * n, [0] * n)
    table = scored_table(Domain.ECOMMERCE, events, positions, DEFAULT)
    assert table["customer_segment"].to_pylist() == [
        segment(score(Domain.ECOMMERCE, event, DEFAULT), DEFAULT).value for event in events
    ]


def test_alerts_begin_at_the_threshold_of_the_rule_set() -> None:
    assert [is_alert(n, DEFAULT) for n in (267, 268)] == [False, True]
    assert [is_alert(n, ORIGINAL) for n in (70, 71)] == [False, True]


def test_risk_compares_the_unrounded_mean() -> None:
    assert risk(1600, 10, DEFAULT) is Risk.MEDIUM
    assert risk(1601, 10, DEFAULT) is Risk.HIGH
    assert risk(1500, 10, DEFAULT) is Risk.LOW
    assert risk(1501, 10, DEFAULT) is Risk.MEDIUM


@given(st.integers(0, 499), st.integers(-100, 100_000))
def test_efficiency_is_the_clamped_ratio_in_millionths(life: int, energy_cents: int) -> None:
    got = machine_efficiency_micro(life, energy_cents / 100)
    if energy_cents <= 0:
        assert got == 0
    else:
        assert got == round(min(Fraction(life * 100, energy_cents), Fraction(500)) * 10**6)


def test_an_unknown_rule_set_is_named_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match=r"'new'.*default, original"):
        rule_set("new")
