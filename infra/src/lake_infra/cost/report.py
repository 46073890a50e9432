"""docs/cost.md: the tables of the cost model, as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from lake_infra.cost import rivals, small_objects
from lake_infra.cost.bill import (
    ETL_ROWS_A_SECOND,
    ETL_START_SECONDS,
    Line,
    bill,
    glue_starts,
    task_hour,
    total,
)
from lake_infra.cost.load import HEADROOM, HOURS, Load
from lake_infra.cost.prices import Measured, Prices
from lake_infra.stages import DEV

LOADS: Final = {"100,000": 1e5, "10 million": 1e7, "1 billion": 1e9}
# Packed or not, provisioned or on demand.
VARIANTS: Final = {
    "plain, provisioned": (False, False),
    "plain, on demand": (False, True),
    "packed, provisioned": (True, False),
    "packed, on demand": (True, True),
}
RIVALS: Final[dict[str, Callable[[Load, Prices], list[Line]]]] = {
    "Firehose to Parquet": rivals.firehose,
    "Kinesis on demand + Firehose to Parquet": rivals.kinesis_and_firehose,
    "Kinesis on demand + delivery into S3 Tables": rivals.streaming_tables,
}


def report(prices: Prices, measured: Measured) -> str:
    """Return the document."""
    parts = [_head(prices)]
    for name, events in LOADS.items():
        loads = {v: Load(events, *flags, measured) for v, flags in VARIANTS.items()}
        parts += [_bill_table(name, loads, prices), _savings(loads, prices)]
    parts += [_rivals_table(prices, measured), _small_objects(prices, measured)]
    parts += [_fixed(measured), _price_table(prices)]
    return "\n".join(parts)


def usd(value: float) -> str:
    """Return an amount: cents below 100 USD, whole dollars above."""
    return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"  # noqa: PLR2004 - as said


def _head(prices: Prices) -> str:
    return f"""\
# What it costs

Made by `make cost` from `infra/src/lake_infra/cost/`; do not edit. USD a month of
{HOURS:.0f} hours, {prices.region}, list prices as of {prices.as_of}, without tax, free tiers and
discounts. **The unit prices were not looked up when this was made: check those of your bill's
largest lines at the sources named at the end, correct `prices.toml`, run `make cost` again.**

Stage `dev`: public subnets, one API task, ETL by the hour, data kept {DEV.processed_days} days in
`processed/` and for good in the curated tables. Events are spread evenly over the day; shards and
tasks are sized for {HEADROOM:g} times the mean. Producers other than the scheduled ingestor are
yours and not counted. Stage `prod` adds interface endpoints (88 USD), a second API task, larger
tasks, seven days of retention, WAF and Container Insights.
"""


def _bill_table(name: str, loads: dict[str, Load], prices: Prices) -> str:
    bills = {variant: bill(load, prices) for variant, load in loads.items()}
    totals = {variant: total(lines) for variant, lines in bills.items()}
    best = min(totals, key=lambda variant: totals[variant])
    # Kinesis bills the two ways of capacity by different lines: one for the sum of each.
    kinesis = [total([li for li in lines if li.part == "Kinesis"]) for lines in bills.values()]
    others = [[li for li in lines if li.part != "Kinesis"] for lines in bills.values()]
    rows = [
        ["Kinesis", "streams and records", *map(usd, kinesis)],
        *(
            [line[0].part, line[0].what, *(usd(li.usd) for li in line)]
            for line in zip(*others, strict=True)
        ),
    ]
    sums = [
        f"**{usd(value)}** ← cheapest" if variant == best else usd(value)
        for variant, value in totals.items()
    ]
    sizes = [
        f"{load.shards} shards, {load.processors} tasks, {load.rows_a_range:,.0f} rows a range"
        for load in loads.values()
    ]
    unit = [
        f"{value / load.events * 1e6:,.2f}"
        for value, load in zip(totals.values(), loads.values(), strict=True)
    ]
    return f"## {name} events a day\n\n" + _table(
        ["part", "line", *loads],
        [
            ["", "sizes", *sizes],
            *rows,
            ["", "**sum**", *sums],
            ["", "a million events", *unit],
        ],
    )


def _savings(loads: dict[str, Load], prices: Prices) -> str:
    load = min(loads.values(), key=lambda load: total(bill(load, prices)))
    lines = bill(load, prices)
    processors = load.processors * HOURS * task_hour(load.processor, prices)
    fargate = sum(li.usd for li in lines if li.what in ("Fargate tasks", "analytics tasks"))
    spot = processors * (1 - prices["spot_share"])
    plan = (fargate - processors) * (1 - prices["savings_plan_share"])
    glue = next(li.usd for li in lines if li.what == "Glue jobs, hourly")
    flex = glue * (1 - prices["flex_dpu_hour"] / prices["dpu_hour"])
    addresses = sum(li.usd for li in lines if li.what == "public addresses")
    live = sum(li.usd for li in lines if li.part == "Live view")
    return "Of the cheapest one:\n\n" + _table(
        ["what changes it", "USD a month"],
        [
            ["processors on Fargate Spot (as both stages deploy them)", f"-{usd(spot)}"],
            ["a Compute Savings Plan, one year, for the other tasks", f"-{usd(plan)}"],
            ["Glue's Flex execution, where an hour more does not matter", f"-{usd(flex)}"],
            ["ETL once a day instead of by the hour", f"-{usd(glue_starts(prices) * 23 / 24)}"],
            ["without the live view", f"-{usd(live)}"],
            ["public addresses, in the sum above", usd(addresses)],
        ],
    )


def _rivals_table(prices: Prices, measured: Measured) -> str:
    loads = {
        name: {v: Load(events, *flags, measured) for v, flags in VARIANTS.items()}
        for name, events in LOADS.items()
    }
    rows = [
        [f"this lake, {variant}", *(usd(rivals.ours(by[variant], prices)) for by in loads.values())]
        for variant in VARIANTS
    ]
    plain = next(iter(VARIANTS))
    for rival, lines_of in RIVALS.items():
        sums = [total(lines_of(by[plain], prices)) for by in loads.values()]
        rows.append([rival, *map(usd, sums)])
    return (
        "## What others take for the same\n\n"
        "From an event on a stream to files that a query engine reads: stream, processors,\n"
        "objects and batch of this lake (no Spot), against services that write Parquet by\n"
        "themselves. Those take plain records (packed ones they would store as they are), do not\n"
        "score, do not prove completeness, and have no API: a small load that needs none of this\n"
        "is cheapest with Firehose alone. A price of Kinesis' own streaming tables could not be\n"
        "looked up; delivery into S3 Tables stands in their place.\n\n"
        + _table(["events a day", *LOADS], rows)
    )


def _small_objects(prices: Prices, measured: Measured) -> str:
    load = Load(small_objects.ORIGINAL_EVENTS_PER_DAY, packed=True, on_demand=False,
                measured=measured)  # fmt: skip
    stored = [*small_objects.original(prices), *small_objects.under_this_layout(load, prices)]
    rows = [
        [s.what, f"{s.objects:,}", f"{s.gigabytes * 1024:,.1f}", f"{s.put_usd:.4f}",
         f"{s.month_usd:.4f}"]
        for s in stored
    ]  # fmt: skip
    return (
        "## 29,289 objects for $0.004 a month?\n\n"
        "The original system said so of its storage. It counts bytes and leaves out what it took\n"
        "to write them, and what small objects cost in a cheaper class. The same data (as JSON,\n"
        "what 0.004 USD a month keeps), once more:\n\n"
        + _table(["", "objects", "MB", "PUT once, USD", "each month, USD"], rows)
    )


def _fixed(measured: Measured) -> str:
    return f"""\
## What the model takes for granted

Measured (`measured.toml` says where): {measured.json_bytes:.0f} bytes an event as JSON,
{measured.stream_bytes_packed:.0f} packed; {measured.events_per_vcpu_second:,.0f} events a second
and vCPU, with all parts on two cores; {measured.lease_writes:g} lease writes a second and shard;
bytes of a row by rows of a range and of a live chunk.

Assumed, for it cannot be measured here: a Glue run takes {ETL_START_SECONDS:.0f} s beyond its rows,
at {ETL_ROWS_A_SECOND:,.0f} rows a second; an analytics task 90 s; one load balancer unit; Spot at
30 % of the price; a stream on demand has four shards at least.
"""


def _price_table(prices: Prices) -> str:
    rows = [
        [name, f"{price.usd:g}", price.note, price.source] for name, price in prices.by_name.items()
    ]
    return f"## Unit prices, {prices.region}, {prices.as_of}\n\n" + _table(
        ["name", "USD", "", "source"], rows
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
