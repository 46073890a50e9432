"""Typed events become columns: the same values, whatever their times look like."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lake_core.arrow import event_batch, event_schema
from lake_core.events import Event, Reading
from lake_core.names import Domain

Instants = list[dt.datetime | None]
_ZONE = dt.timezone(dt.timedelta(hours=5, minutes=30))
instant = dt.datetime.fromisoformat
naive = st.datetimes()
aware = st.datetimes(instant("0002-01-01"), instant("9998-01-01")).flatmap(
    lambda at: st.sampled_from([at.replace(tzinfo=dt.UTC), at.replace(tzinfo=_ZONE)])
)


def reading(ingested: dt.datetime | None) -> Event:
    return Reading(
        timestamp=instant("2025-01-01"), machine_id=1, temperature=1.5, vibration=1.0,
        humidity=1.0, pressure=1.0, energy_consumption=1.0, machine_status=1, anomaly_flag=0,
        predicted_remaining_life=1, failure_type="Normal", downtime_risk=0.0,
        maintenance_required=0, ingest_timestamp=ingested,
    )  # fmt: skip


@given(st.one_of(st.lists(naive), st.lists(aware), st.lists(st.one_of(naive, aware, st.none()))))
def test_times_with_and_without_a_zone_are_the_instants_that_arrow_reads(given: Instants) -> None:
    batch = event_batch(Domain.MANUFACTURING, [reading(ingested) for ingested in given])
    kind = event_schema(Domain.MANUFACTURING).field("ingest_timestamp").type
    expected: pa.Array[pa.Scalar[pa.DataType]] = pa.array(given, kind)
    assert batch.column("ingest_timestamp").equals(expected)


@pytest.mark.parametrize("domain", Domain)
def test_no_events_are_an_empty_batch(domain: Domain) -> None:
    batch = event_batch(domain, [])
    assert (batch.num_rows, batch.schema) == (0, event_schema(domain))
