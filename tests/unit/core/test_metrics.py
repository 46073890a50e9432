"""What a process counts: the same in the file and in the log, each told once."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lake_core.logs import JsonFormatter
from lake_core.metrics import EMF_SECONDS, SUFFIX, Metrics, MetricsExport, Unit, parse_target


def made() -> Metrics:
    return Metrics("processor", {"stream": "s"}, {"shard": "0"})


def samples(text: str) -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "le" not in sample.labels
    }


def test_a_file_is_what_prometheus_reads_and_goes_with_its_process(tmp_path: Path) -> None:
    metrics = made()
    rows = metrics.counter("rows", "Rows written.", Unit.COUNT)
    metrics.gauge("held", "Held.")  # never set
    metrics.histogram("batch", "A batch.", (1, 10)).observe(5)
    export = MetricsExport(metrics, tmp_path / "metrics", "shard-0")
    rows.inc(3)
    export.tick(100.0)
    file = tmp_path / "metrics" / f"shard-0{SUFFIX}"
    text = file.read_text()
    assert 'processor_rows_total{service="processor",shard="0",stream="s"} 3.0' in text
    said = samples(text)
    assert said["processor_rows_total"] == 3
    assert (said["processor_batch_sum"], said["processor_batch_count"]) == (5, 1)
    assert said["processor_held"] != said["processor_held"]  # not a number: not known
    rows.inc(1)
    export.tick(100.5)
    assert samples(file.read_text())["processor_rows_total"] == 3  # once a second is enough
    export.tick(101.0)
    assert samples(file.read_text())["processor_rows_total"] == 4
    export.close()
    assert list(file.parent.iterdir()) == []


def test_a_line_says_what_happened_since_the_last_one_and_all_is_told_once() -> None:
    metrics = made()
    rows = metrics.counter("rows", "Rows written.", Unit.COUNT)
    held = metrics.gauge("held_seconds", "Held.", Unit.SECONDS)
    batch = metrics.histogram("batch", "A batch.", (1, 10))
    rows.inc(3)
    batch.observe(5)
    first = metrics.emf(1700000000.5)
    assert first == {
        "_aws": {
            "Timestamp": 1700000000500,
            "CloudWatchMetrics": [
                {
                    "Namespace": "MultiSourceDataLake",
                    "Dimensions": [["Service", "Stream"]],
                    "Metrics": [{"Name": "Rows", "Unit": "Count"}],
                }
            ],
        },
        "Service": "processor", "Stream": "s", "Shard": "0",
        "Rows": 3, "BatchCount": 1, "BatchSum": 5,
    }  # fmt: skip
    held.set(1.5)
    rows.inc(1)
    second = metrics.emf(1700000060.0)
    assert (second["Rows"], second["HeldSeconds"], second["BatchSum"]) == (1, 1.5, 0)
    assert [one["Name"] for one in second["_aws"]["CloudWatchMetrics"][0]["Metrics"]] == [
        "Rows", "HeldSeconds",
    ]  # fmt: skip
    assert metrics.in_cloudwatch == ["Rows", "HeldSeconds"]


def test_lines_come_every_minute_and_at_the_end_as_whole_json() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter("processor"))
    logger = logging.getLogger("lake_core.metrics")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        metrics, looked = made(), []
        rows = metrics.counter("rows", "Rows written.", Unit.COUNT)
        export = MetricsExport(
            metrics, "emf", "unused", lambda: looked.append(1), wall_clock=lambda: 1.0
        )
        for clock in range(130):
            rows.inc()
            export.tick(float(clock))
        export.close()
    finally:
        logger.removeHandler(handler)
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["Rows"] for line in told] == [EMF_SECONDS + 1, EMF_SECONDS, 9]
    assert all(line["_aws"]["Timestamp"] == 1000 for line in told)
    assert len(looked) == len(told)


def test_without_a_target_nothing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    export = MetricsExport(made(), None, "x")
    with caplog.at_level(logging.INFO):
        export.tick(0.0)
        export.tick(1000.0)
        export.close()
    assert not caplog.records


def test_a_place_that_cannot_be_written_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    export = MetricsExport(made(), tmp_path / "file", "x")
    export.tick(0.0)
    assert "metrics were not written" in caplog.text


def test_the_setting_is_a_word_or_a_directory() -> None:
    assert parse_target("emf") == "emf"
    assert parse_target("/var/metrics") == Path("/var/metrics")
