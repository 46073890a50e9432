"""What comes from outside becomes a typed event or a named reason, one entry at a time."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lake_core.errors import PoisonRecord
from lake_core.events import Purchase, Reading
from lake_core.names import Domain
from lake_core.parsing import encode_event, event_from_cells, parse_event
from lake_core.schema import csv_header

READING = {
    "timestamp": "2025-01-01 00:02:00",
    "machine_id": 15,
    "temperature": 98.94,
    "vibration": -0.2,
    "humidity": 72.06,
    "pressure": 1.0,
    "energy_consumption": 2.49,
    "machine_status": 1,
    "anomaly_flag": 1,
    "predicted_remaining_life": 19,
    "failure_type": "Normal",
    "downtime_risk": 1.0,
    "maintenance_required": 1,
}
PURCHASE_CELLS = dict(
    zip(
        csv_header(Domain.ECOMMERCE),
        (
            "37-611-6911", "22", "Female", "Middle", "Married", "Bachelor's", "Middle", "Évry",
            "Travel & Leisure (Flights", "$333.80 ", "4", "Mixed", "5", "5", "0.3", "None",
            "Somewhat Sensitive", "1", "7", "None", "Tablet", "Credit Card", "3/1/2024", "TRUE",
            "FALSE", "Need-based", "No Preference", "2",
        ),
        strict=True,
    )
)  # fmt: skip


def reading(**changes: Any) -> bytes:
    return json.dumps(READING | changes).encode()


def test_the_typed_form_keeps_every_value() -> None:
    event = parse_event(Domain.MANUFACTURING, reading())
    assert isinstance(event, Reading)
    assert msgspec.structs.asdict(event) == READING | {
        "timestamp": dt.datetime(2025, 1, 1, 0, 2),  # noqa: DTZ001 - the column is naive UTC
        "event_source": None,
        "event_row": None,
        "ingest_timestamp": None,
    }


def test_the_all_strings_form_gives_the_same_event_as_the_typed_form() -> None:
    strings = {key: str(value) for key, value in READING.items()}
    assert parse_event(Domain.MANUFACTURING, json.dumps(strings).encode()) == parse_event(
        Domain.MANUFACTURING, reading()
    )


def test_the_cells_of_the_real_shop_file_are_understood() -> None:
    event = parse_event(Domain.ECOMMERCE, json.dumps(PURCHASE_CELLS).encode())
    assert isinstance(event, Purchase)
    assert event.purchase_amount == 333.8
    assert event.time_of_purchase == dt.date(2024, 3, 1)
    assert (event.discount_used, event.customer_loyalty_program_member) == (True, False)
    assert event.social_media_influence == "None"
    assert event.purchase_category == "Travel & Leisure (Flights"
    assert event.location == "Évry"


@pytest.mark.parametrize(
    ("amount", "value"), [("$1,234.50 ", 1234.5), ("$87.03 ", 87.03), ("87.03", 87.03), ("$5", 5.0)]
)
def test_amounts_are_read_as_the_shop_writes_them(amount: str, value: float) -> None:
    event = event_from_cells(Domain.ECOMMERCE, PURCHASE_CELLS | {"Purchase_Amount": amount})
    assert isinstance(event, Purchase)
    assert event.purchase_amount == value


def test_an_encoded_event_is_read_back_the_same() -> None:
    event = event_from_cells(Domain.ECOMMERCE, PURCHASE_CELLS)
    event.event_source, event.event_row = 'a "timestamp":"2025-01-01 file.csv-0badcafe-3', 7
    event.ingest_timestamp = dt.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)
    assert parse_event(Domain.ECOMMERCE, encode_event(event)) == event


def test_a_reading_is_written_with_the_time_format_of_the_csv() -> None:
    event = parse_event(Domain.MANUFACTURING, reading())
    event.event_source, event.event_row = '"timestamp":"2025-01-01T', 1
    raw = encode_event(event)
    assert json.loads(raw)["timestamp"] == READING["timestamp"]
    assert parse_event(Domain.MANUFACTURING, raw) == event


def test_unknown_keys_are_ignored() -> None:
    raw = reading(firmware={"version": [1, 2]}, operator=None)
    assert parse_event(Domain.MANUFACTURING, raw) == parse_event(Domain.MANUFACTURING, reading())


GOOD = reading()
DEFECTS: dict[str, bytes] = {
    "empty": b"",
    "blank": b"  \n",
    "truncated": GOOD[:-1],
    "truncated in a string": GOOD[:40],
    "trailing bytes": GOOD + b"}",
    "two objects": GOOD + GOOD,
    "an array": b"[" + GOOD + b"]",
    "null": b"null",
    "a string": b'"hello"',
    "a number": b"12",
    "binary": bytes(range(256)),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "invalid UTF-8": GOOD.replace(b"Normal", b"Nor\xffmal"),
    "a lone surrogate": GOOD.replace(b"Normal", b"\\ud800"),
    "single quotes": GOOD.replace(b'"', b"'"),
    "a NUL byte": GOOD.replace(b"Normal", b"\x00"),
    "deep nesting": b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "NaN": reading(temperature=float("nan")),
    "NaN as a string": reading(temperature="NaN"),
    "infinity": reading(temperature=float("inf")),
    "infinity as a string": reading(temperature="-inf"),
    "1e999": GOOD.replace(b"98.94", b"1e999"),
    "1e999 as a string": reading(temperature="1e999"),
    "a number of a thousand digits": GOOD.replace(b"98.94", b"9" * 1000),
    "a number string of a megabyte": reading(temperature="9" * 1_000_000),
    "a float that is too large": reading(temperature=1e12),
    "a huge integer": reading(machine_id=10**30),
    "an integer over 32 bits": reading(machine_id=2**31),
    "a negative machine": reading(machine_id=-1),
    "machine zero": reading(machine_id=0),
    "an integer with decimals": reading(machine_id=1.5),
    "an integer as a float": reading(machine_id="1.0"),
    "digits of another script": reading(machine_id="١٢"),
    "underscores in a number": reading(machine_id="1_000"),
    "a hexadecimal number": reading(machine_id="0x10"),
    "a boolean for a number": reading(machine_id=True),
    "a list for a number": reading(temperature=[1]),
    "an object for a number": reading(temperature={}),
    "null for a number": reading(temperature=None),
    "an empty cell": reading(temperature=""),
    "a status out of range": reading(machine_status=3),
    "a flag out of range": reading(anomaly_flag=2),
    "a risk out of range": reading(downtime_risk=1.01),
    "a negative life": reading(predicted_remaining_life=-1),
    "an unknown failure": reading(failure_type="Gremlins"),
    "an empty failure": reading(failure_type=""),
    "a string of a megabyte": reading(failure_type="x" * 1_000_000),
    "a date that does not exist": reading(timestamp="2025-02-30 00:00:00"),
    "a month that does not exist": reading(timestamp="2025-13-01 00:00:00"),
    "a date without time": reading(timestamp="2025-01-01"),
    "a time as a number": reading(timestamp=1735689600),
    "a time with a zone": reading(timestamp="2025-01-01T00:00:00+02:00"),
    "text for a time": reading(timestamp="yesterday"),
    "a row number below zero": reading(event_row=-1),
    "a source that is no text": reading(event_source=5),
    "an endless source": reading(event_source="s" * 10_000),
    "a key in other case": GOOD.replace(b"machine_id", b"Machine_ID"),
    **{
        f"without {key}": json.dumps({k: v for k, v in READING.items() if k != key}).encode()
        for key in READING
    },
}


@pytest.mark.parametrize("raw", DEFECTS.values(), ids=DEFECTS.keys())
def test_a_defect_becomes_a_short_reason(raw: bytes) -> None:
    with pytest.raises(PoisonRecord) as caught:
        parse_event(Domain.MANUFACTURING, raw)
    assert 0 < len(caught.value.reason) <= 400


@pytest.mark.parametrize(
    ("key", "cell"),
    [
        ("Purchase_Amount", "$-5.00 "),
        ("Purchase_Amount", "€5.00"),
        ("Purchase_Amount", "$1,23.00"),
        ("Time_of_Purchase", "31/12/2024"),
        ("Time_of_Purchase", "2/30/2024"),
        ("Time_of_Purchase", ""),
        ("Discount_Used", "maybe"),
        ("Customer_Satisfaction", "11"),
        ("Customer_Satisfaction", "0"),
        ("Brand_Loyalty", "6"),
        ("Customer_ID", ""),
        ("Location", "x" * 257),
    ],
)
def test_a_cell_that_cannot_be_used_is_named(key: str, cell: str) -> None:
    with pytest.raises(PoisonRecord) as caught:
        event_from_cells(Domain.ECOMMERCE, PURCHASE_CELLS | {key: cell})
    assert key in caught.value.reason


def test_of_duplicate_keys_the_last_counts() -> None:
    raw = GOOD.replace(b'"machine_id": 15', b'"machine_id": 15, "machine_id": 16')
    event = parse_event(Domain.MANUFACTURING, raw)
    assert isinstance(event, Reading)
    assert event.machine_id == 16


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_poison(raw: bytes) -> None:
    for domain in Domain:
        with pytest.raises(PoisonRecord):
            parse_event(domain, raw)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(READING)), json_values)
def test_any_json_value_is_used_or_refused(key: str, value: Any) -> None:
    raw = json.dumps(READING | {key: value}).encode()
    try:
        event = parse_event(Domain.MANUFACTURING, raw)
    except PoisonRecord:
        return
    assert isinstance(event, Reading)
    assert parse_event(Domain.MANUFACTURING, encode_event(event)) == event
