"""`status`: the running lake on one screen: its processes' metrics, its API and its workflow."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from prometheus_client.parser import text_string_to_metric_families
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lake_core.names import Domain, domain_of_stream
from lake_local import workflow
from lake_local.directory import LakeDirectory
from lake_local.http_client import Answer, HttpClient

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

SILENT_SECONDS: Final = 10.0  # a process tells its metrics every second
_NONE: Final = "–"


@dataclass(frozen=True, slots=True)
class Told:
    """What a process has told of itself: its metrics, without its labels, and when."""

    name: str  # the shard's or the stream's
    domain: Domain
    values: Mapping[str, float]
    age_seconds: float

    def get(self, name: str) -> float | None:
        """Return a metric; None where it is not known."""
        value = self.values.get(name)
        return None if value is None or value != value else value  # noqa: PLR0124 - NaN


@dataclass(frozen=True, slots=True)
class Status:
    """Everything the screen shows."""

    api: str
    insights: Answer
    lake: Answer
    integrity: Answer
    shards: list[Told]
    replays: list[Told]
    execution: Mapping[str, Any] | None
    now: float  # seconds since 1970
    problems: list[str] = field(default_factory=list)


def read_told(folders: Iterable[Path], now: float) -> Iterator[Told]:
    """Yield what each Prometheus file in the folders says, by name."""
    for folder in folders:
        for file in sorted(folder.glob("*.prom")):
            try:
                text, written = file.read_text(encoding="utf-8"), file.stat().st_mtime
            except FileNotFoundError:  # its process has just ended
                continue
            samples = [
                sample
                for family in text_string_to_metric_families(text)
                for sample in family.samples
                if "le" not in sample.labels
            ]
            if samples:
                yield Told(
                    file.stem,
                    domain_of_stream(samples[0].labels["stream"]),
                    {sample.name: sample.value for sample in samples},
                    max(0.0, now - written),
                )


def look(directory: LakeDirectory, api: HttpClient, address: str, states: SFNClient) -> Status:
    """Ask everybody once."""
    now = time.time()
    status = Status(
        api=address,
        insights=api.get("/v1/insights/integrated"),
        lake=api.get("/v1/lake"),
        integrity=api.get("/v1/lake/integrity"),
        shards=list(
            read_told((directory.processors / domain / "metrics" for domain in Domain), now)
        ),
        replays=list(read_told([directory.ingestor], now)),
        execution=_last_execution(states),
        now=now,
    )
    status.problems.extend(_problems(status))
    return status


def _last_execution(states: SFNClient) -> Mapping[str, Any] | None:
    machine = workflow.find_workflow(states)
    if machine is None:
        return None
    executions = states.list_executions(stateMachineArn=machine)["executions"]
    return max(executions, key=lambda one: one["startDate"], default=None)


def _problems(status: Status) -> Iterator[str]:
    for answer in (status.insights, status.lake, status.integrity):
        if not answer.ok:
            detail = answer.body.get("detail") if isinstance(answer.body, dict) else None
            yield f"the API: {detail or answer.reason or answer.status}; see logs/api.log"
            break
    for told in (*status.shards, *status.replays):
        if told.age_seconds > SILENT_SECONDS:
            yield f"{told.domain} {told.name} has said nothing for {_span(told.age_seconds)}"
    taken = {(told.domain, told.name) for told in status.shards}
    if status.integrity.ok:
        yield from status.integrity.body["problems"]
        for shard in status.integrity.body["shards"]:
            for problem in shard["problems"]:
                yield f"{shard['domain']} {shard['shard']}: {problem}"
            if not shard["ended"] and (shard["domain"], shard["shard"]) not in taken:
                yield f"{shard['domain']} {shard['shard']} is read by nobody; see logs/"
    if status.execution and status.execution["status"] not in ("RUNNING", "SUCCEEDED"):
        yield f"the last batch run {status.execution['status']}; `make etl` says why"


def render(status: Status) -> RenderableType:
    """Return the screen."""
    return Group(
        _title(status),
        Text(""),
        _sources(status),
        Text(""),
        _shards(status),
        Text(""),
        *_lines(status),
    )


def _title(status: Status) -> Text:
    fresh = status.insights.body["freshness"] if status.insights.ok else None
    lag = fresh["lag_seconds"] if fresh else None
    said = f"{lag:.1f} s behind, from {', '.join(fresh['sources'])}" if fresh and lag else "no data"
    return Text.assemble(("Multi-Source Data Lake", "bold"), f"   {status.api} · {said}")


def _sources(status: Status) -> Table:
    table = _table("source", "sent per s", "in the lake", "bytes a row", "quarantined")
    for domain in Domain:
        sent = [told for told in status.replays if told.domain is domain]
        zone = status.lake.body["zones"]["processed"].get(domain) if status.lake.ok else None
        table.add_row(
            domain,
            _count(_sum(told.get("ingestor_events_per_second") for told in sent)),
            _count(zone and zone["rows"]),
            f"{zone['bytes_per_row']:.1f}" if zone and zone["bytes_per_row"] else _NONE,
            _count(zone and zone["unusable_entries"]),
        )
    return table


def _shards(status: Status) -> Table:
    table = _table("shard", "received", "behind", "held", "oldest", "written", "a flush", "retries")
    for told in status.shards:
        seconds, flushes = (
            told.get(f"processor_flush_seconds_{part}") for part in ("sum", "count")
        )
        last = told.get("processor_last_range_timestamp_seconds")
        table.add_row(
            f"{told.domain} {told.name.removeprefix('shardId-').lstrip('0') or '0'}",
            _count(told.get("processor_events_total")),
            _span(told.get("processor_behind_seconds")),
            _count(told.get("processor_held_events")),
            _span(told.get("processor_held_seconds")),
            f"{_span(status.now - last)} ago" if last else _NONE,
            _span(seconds / flushes if seconds and flushes else None),
            _count(told.get("processor_store_retries_total")),
        )
    if not status.shards:
        table.add_row("none taken yet", *[_NONE] * 7)
    return table


def _lines(status: Status) -> Iterator[Text]:
    if status.integrity.ok and status.integrity.body["verified"]:
        shards = status.integrity.body["shards"]
        rows = sum(shard["rows"] for shard in shards)
        yield _line(
            "✓", "green", f"proof: {rows:,} rows in {len(shards)} shards, none lost or twice"
        )
    if status.execution:
        began = status.execution["startDate"].astimezone(dt.UTC)
        ago = _span(status.now - began.timestamp())
        yield _line("·", "dim", f"last batch run: {status.execution['status']}, began {ago} ago")
    else:
        yield _line("·", "dim", "no batch run so far: `make etl`, or wait for the hour")
    for problem in status.problems:
        yield _line("✗", "red", problem)


def _line(mark: str, style: str, text: str) -> Text:
    return Text.assemble((mark, style), f" {text}")


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _count(value: float | None) -> str:
    return _NONE if value is None else f"{value:,.0f}"


def _span(seconds: float | None) -> str:
    if seconds is None:
        return _NONE
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min"  # noqa: PLR2004
