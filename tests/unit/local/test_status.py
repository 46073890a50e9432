"""The status screen: what is told is shown, what is wrong is named."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lake_core.metrics import Metrics, MetricsExport
from lake_core.names import STREAMS, Domain
from lake_local.directory import LakeDirectory
from lake_local.http_client import Answer
from lake_local.status import Status, look, render

SHARD = "shardId-000000000001"
INSIGHTS = {"freshness": {"lag_seconds": 0.42, "sources": ["live", "processed"]}}
ZONE = {"rows": 41, "bytes_per_row": 14.2, "unusable_entries": 1}
LAKE = {"zones": {"processed": {"manufacturing": ZONE, "ecommerce": ZONE}}}
SHARD_PROVEN = {
    "domain": "manufacturing", "shard": SHARD, "rows": 41, "ended": False, "problems": [],
}  # fmt: skip
PROVEN = {"verified": True, "problems": [], "shards": [SHARD_PROVEN]}


class Api:
    """Answers by path."""

    def __init__(self, **bodies: Any) -> None:
        self.bodies = {
            "/v1/insights/integrated": INSIGHTS, "/v1/lake": LAKE, "/v1/lake/integrity": PROVEN,
        } | bodies  # fmt: skip

    def get(self, path: str) -> Answer:
        body = self.bodies[path]
        return body if isinstance(body, Answer) else Answer(200, body)


class States:
    """A workflow engine with one execution."""

    def __init__(self, status: str) -> None:
        began = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5)
        self.executions = [{"status": status, "startDate": began}]

    def get_paginator(self, name: str) -> Any:
        del name
        machine = {"name": "data-lake-orchestration", "stateMachineArn": "arn"}
        return type("Pages", (), {"paginate": lambda _: [{"stateMachines": [machine]}]})()

    def list_executions(self, **wanted: str) -> Any:
        del wanted
        return {"executions": self.executions}


@pytest.fixture
def directory(tmp_path: Path) -> LakeDirectory:
    """A lake's directory with what a child and a replay have told."""
    directory = LakeDirectory(tmp_path)
    stream = STREAMS[Domain.MANUFACTURING]
    child = Metrics("processor", {"stream": stream}, {"shard": SHARD})
    child.counter("events", "").inc(1234)
    child.gauge("held_seconds", "").set(1.5)
    child.gauge("behind_seconds", "")  # not known
    folder = directory.processors / "manufacturing" / "metrics"
    MetricsExport(child, folder, SHARD).tick(0.0)
    replay = Metrics("ingestor", {"stream": stream})
    replay.gauge("events_per_second", "").set(5678)
    MetricsExport(replay, directory.ingestor, stream).tick(0.0)
    return directory


def looked(directory: LakeDirectory, api: Api, execution: str = "SUCCEEDED") -> Status:
    states: Any = States(execution)
    client: Any = api
    return look(directory, client, "http://here", states)


def shown(status: Status) -> str:
    console = Console(width=100, color_system=None)
    with console.capture() as capture:
        console.print(render(status))
    return capture.get()


def test_a_lake_that_is_well(directory: LakeDirectory) -> None:
    status = looked(directory, Api())
    text = shown(status)
    assert status.problems == []
    assert "0.4 s behind, from live, processed" in text
    (shard,) = (line for line in text.splitlines() if line.startswith("manufacturing 1 "))
    assert shard.split()[2:7] == ["1,234", "–", "–", "1.5", "s"]
    assert "5,678" in text
    assert "14.2" in text
    assert "✓ proof: 41 rows in 1 shards" in text
    assert "last batch run: SUCCEEDED, began 5 min ago" in text


def test_what_is_wrong_is_named(directory: LakeDirectory) -> None:
    told = directory.processors / "manufacturing" / "metrics" / f"{SHARD}.prom"
    os.utime(told, (1, 1))
    broken = {
        "verified": False,
        "problems": ["two lakes in one"],
        "shards": [SHARD_PROVEN | {"domain": "ecommerce", "problems": ["a gap"]}],
    }
    status = looked(directory, Api(**{"/v1/lake/integrity": broken}), "FAILED")
    assert [problem.split(" for ")[0] for problem in status.problems] == [
        f"manufacturing {SHARD} has said nothing",
        "two lakes in one",
        f"ecommerce {SHARD}: a gap",
        f"ecommerce {SHARD} is read by nobody; see logs/",
        "the last batch run FAILED; `make etl` says why",
    ]
    text = shown(status)
    assert "✗ two lakes in one" in text
    assert "proof" not in text


def test_without_an_api_the_rest_is_shown(directory: LakeDirectory) -> None:
    away = Answer(0, None, "refused")
    api = Api(**{"/v1/insights/integrated": away, "/v1/lake": away, "/v1/lake/integrity": away})
    status = looked(directory, api)
    assert status.problems == ["the API: refused; see logs/api.log"]
    assert "1,234" in shown(status)
