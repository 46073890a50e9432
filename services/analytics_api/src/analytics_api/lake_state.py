"""The mergeable state of a domain as bytes, and back: all that its answers are made from.

What the curated table says of its chains travels with it, so whoever loads it knows behind which
positions to go on. Round trip: equal answers, to the byte (tests/unit/analytics_api/test_state.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec
import polars as pl

from analytics_api.alerts import COLUMNS
from analytics_api.domain_lake import DomainLake
from analytics_api.ecommerce import Customer, EcommerceState
from analytics_api.frames import ORDER, row_schema
from analytics_api.manufacturing import Buckets, Machine, ManufacturingState
from analytics_api.sections import pack, unpack
from analytics_api.sums import Sums
from lake_core.errors import UnreadableObject
from lake_core.names import Domain
from lake_core.published import Published
from lake_core.rules import RuleSet

# Raise it when something is added: readers of version n know versions <= n and refuse newer ones.
FORMAT_VERSION: Final = 1
CURE: Final = "upgrade it first"
_MIX: Final[dict[str, Any]] = {
    "category": pl.String,
    "channel": pl.String,
    "purchases": pl.Int64,
    "cents": pl.Int64,
    "scores": pl.Int64,
}
Rows = list[dict[str, Any]]
_LEVELS: Final = ("minutes", "hours", "days")


class _Header(msgspec.Struct):
    domain: Domain
    scoring_version: str
    published: Published
    totals: dict[str, int]


def encode_state(lake: DomainLake, rules: RuleSet) -> bytes:
    """Return the state of a domain whose rows came from the curated table alone."""
    published = lake.published or Published(domain=lake.domain)
    state = lake.state
    if isinstance(state, ManufacturingState):
        totals, frames = _encode_machines(state)
    else:
        totals, frames = _encode_customers(state)
    header = _Header(lake.domain, rules.scoring_version, published, totals)
    return pack(FORMAT_VERSION, msgspec.json.encode(header), {**frames, "seen": _seen(lake)})


def decode_state(content: bytes, where: str, rules: RuleSet) -> DomainLake:
    """Return the domain as the state has it; `where` names the object it came from.

    Raises:
        UnreadableObject: damaged, of a newer format, or scored by other rules.
    """
    raw, frames = unpack(content, where, FORMAT_VERSION, CURE)
    try:
        header = msgspec.json.decode(raw, type=_Header)
    except msgspec.DecodeError as error:
        raise UnreadableObject(f"{where} has a broken header: {error}") from error
    if header.scoring_version != rules.scoring_version:
        raise UnreadableObject(
            f"{where} was made by rule set {header.scoring_version}, "
            f"this program counts by {rules.scoring_version}"
        )
    lake = DomainLake.empty(header.domain, rules)
    if isinstance(lake.state, ManufacturingState):
        _decode_machines(lake.state, header.totals, frames)
    else:
        _decode_customers(lake.state, header.totals, frames)
    for source, number, bits in frames["seen"].iter_rows():
        lake.seen.put_piece(source, number, bits)
    lake.publish(header.published)
    return lake


def _seen(lake: DomainLake) -> pl.DataFrame:
    pieces = sorted(lake.seen.pieces().items())
    rows = [(source, number, bits) for (source, number), bits in pieces]
    schema = {"source": pl.String, "number": pl.Int64, "bits": pl.Binary}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _encode_machines(state: ManufacturingState) -> tuple[dict[str, int], dict[str, pl.DataFrame]]:
    machines = [machine for _, machine in sorted(state.machines.items())]
    totals = {
        "readings": state.readings,
        "score_sum": state.score_sum,
        "efficiency_sum": state.efficiency_sum,
        "alerts": state.alerts.count,
        "alert_score_sum": state.alerts.score_sum,
    }
    names = ("machine_id", "readings", "score_sum", "alerts")
    alerts = pl.DataFrame(
        state.alerts.kept(),
        schema={name: row_schema(Domain.MANUFACTURING)[name] for name in COLUMNS},
    )
    frames = {
        "latest": _rows([machine.latest for machine in machines], Domain.MANUFACTURING),
        "machines": _whole(names, ([getattr(one, n) for n in names] for one in machines)),
        "alerts": alerts.sort(COLUMNS),
        "fleet_days": _buckets([((), state.days)]),
    }
    for level in _LEVELS:
        frames[level] = _buckets(((m.machine_id,), getattr(m, level)) for m in machines)
    return totals, frames


def _decode_machines(
    state: ManufacturingState, totals: dict[str, int], frames: dict[str, pl.DataFrame]
) -> None:
    state.readings, state.score_sum = totals["readings"], totals["score_sum"]
    state.efficiency_sum = totals["efficiency_sum"]
    state.alerts.count, state.alerts.score_sum = totals["alerts"], totals["alert_score_sum"]
    state.alerts.keep(frames["alerts"])
    state.days = {first: tuple(sums) for first, *sums in frames["fleet_days"].iter_rows()}
    latest = frames["latest"].to_dicts()
    for row, (number, readings, scores, alerts) in zip(
        latest, frames["machines"].iter_rows(), strict=True
    ):
        state.machines[number] = Machine(number, row, readings, scores, alerts)
    for level in _LEVELS:
        for number, start, *sums in frames[level].iter_rows():
            getattr(state.machines[number], level)[start] = tuple(sums)
    for machine in state.machines.values():
        machine.settle()
    state.changed.update(state.machines)


def _encode_customers(state: EcommerceState) -> tuple[dict[str, int], dict[str, pl.DataFrame]]:
    customers = [customer for _, customer in sorted(state.customers.items())]
    totals = {
        "purchases": state.purchases,
        "amount_cents": state.amount_cents,
        "satisfaction_sum": state.satisfaction_sum,
    }
    names = ("purchases", "amount_cents")
    schema = row_schema(Domain.ECOMMERCE)
    first_schema: dict[str, Any] = {**{name: schema[name] for name in ORDER}, "segment": pl.String}
    firsts = [(*one.first_order, one.first_segment) for one in customers]
    mix = [(*cell, *sums) for cell, sums in sorted(state.mix.items())]
    return totals, {
        "latest": _rows([customer.latest for customer in customers], Domain.ECOMMERCE),
        "customers": _whole(names, ([getattr(one, n) for n in names] for one in customers)),
        "first": pl.DataFrame(firsts, schema=first_schema, orient="row"),
        "mix": pl.DataFrame(
            mix,
            schema=_MIX,
            orient="row",
        ),
        "days": _buckets([((), state.days)]),
    }


def _decode_customers(
    state: EcommerceState, totals: dict[str, int], frames: dict[str, pl.DataFrame]
) -> None:
    state.purchases, state.amount_cents = totals["purchases"], totals["amount_cents"]
    state.satisfaction_sum = totals["satisfaction_sum"]
    state.mix = {(name, way): tuple(sums) for name, way, *sums in frames["mix"].iter_rows()}
    state.days = {first: tuple(sums) for first, *sums in frames["days"].iter_rows()}
    for row, (purchases, cents), (*order, segment) in zip(
        frames["latest"].to_dicts(),
        frames["customers"].iter_rows(),
        frames["first"].iter_rows(),
        strict=True,
    ):
        number = row["customer_id"]
        customer = Customer(number, row, tuple(order), segment, purchases, cents)
        state.customers[number] = customer
    state.changed.update(state.customers)


def _rows(rows: Rows, domain: Domain) -> pl.DataFrame:
    schema = row_schema(domain)
    return pl.DataFrame(rows, schema=schema)


def _whole(names: Iterable[str], rows: Iterable[list[int]]) -> pl.DataFrame:
    schema = dict.fromkeys(names, pl.Int64)
    return pl.DataFrame([*rows], schema=schema, orient="row")


def _buckets(groups: Iterable[tuple[tuple[int, ...], Buckets | dict[int, Sums]]]) -> pl.DataFrame:
    rows = [
        (*key, start, *sums) for key, all_of in groups for start, sums in sorted(all_of.items())
    ]
    width = len(rows[0]) if rows else 0
    schema = {f"c{column}": pl.Int64 for column in range(width)}
    return pl.DataFrame(rows, schema=schema, orient="row")
