"""Metrics of one process: counted by Prometheus' client, told in a file or in the log.

A Prometheus file is for the textfile collector of its node exporter and for `make status`; lines in
CloudWatch's embedded metric format (EMF) are for AWS, where the log driver makes metrics of them.
Counting happens once a batch, a call or a range, never once an event.

Sources: Prometheus' exposition format, version 0.0.4; CloudWatch's EMF specification.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    write_to_textfile,
)

log = logging.getLogger(__name__)
NAMESPACE: Final = "MultiSourceDataLake"
EMF: Final = "emf"
EMF_SECONDS: Final = 60.0  # CloudWatch's own resolution
FILE_SECONDS: Final = 1.0
SUFFIX: Final = ".prom"  # what the textfile collector reads
Target = Path | Literal["emf"]
HELP: Final = (
    "where metrics go: `emf`, lines in the log that CloudWatch makes metrics of, or a directory "
    "for a Prometheus file a process"
)
disable_created_metrics()  # type: ignore[no-untyped-call] # a second time series for each counter


def parse_target(text: str) -> Target:
    """Read the setting: `emf`, or a directory."""
    return EMF if text == EMF else Path(text)


class Unit(StrEnum):
    """CloudWatch's words."""

    COUNT = "Count"
    SECONDS = "Seconds"


class Metrics:
    """All metrics of one process.

    `dimensions` are CloudWatch's and few, for each of their values makes metrics that are billed;
    `labels` are told too, and make none. A metric becomes one of CloudWatch's where it is made with
    the unit that it has there; the others stand beside it in the line, for Logs Insights.
    """

    def __init__(
        self, service: str, dimensions: Mapping[str, str], labels: Mapping[str, str] | None = None
    ) -> None:
        self.registry = CollectorRegistry()
        self._prefix = f"{service}_"
        self._dimensions = {"service": service, **dimensions}
        self._all = {**self._dimensions, **(labels or {})}
        self._units: dict[str, Unit] = {}  # of what CloudWatch makes metrics of
        self._told: dict[str, float] = {}  # what only grows, at the last line

    def counter(self, name: str, help_text: str, cloudwatch: Unit | None = None) -> Counter:
        """Make a counter; its name is given without `_total`."""
        made = Counter(self._prefix + name, help_text, [*self._all], registry=self.registry)
        self._declare(name, cloudwatch)
        return made.labels(**self._all)

    def gauge(self, name: str, help_text: str, cloudwatch: Unit | None = None) -> Gauge:
        """Make a gauge; not a number until it is set."""
        made = Gauge(self._prefix + name, help_text, [*self._all], registry=self.registry)
        self._declare(name, cloudwatch)
        gauge = made.labels(**self._all)
        gauge.set(math.nan)
        return gauge

    def histogram(self, name: str, help_text: str, buckets: Sequence[float]) -> Histogram:
        """Make a histogram; the log has its sum and count."""
        made = Histogram(
            self._prefix + name, help_text, [*self._all], registry=self.registry, buckets=buckets
        )
        return made.labels(**self._all)

    def _declare(self, name: str, cloudwatch: Unit | None) -> None:
        if cloudwatch is not None:
            self._units[self._cloudwatch_name(self._prefix + name)] = cloudwatch

    @property
    def in_cloudwatch(self) -> list[str]:
        """The names of what CloudWatch makes metrics of, each billed by the month."""
        return list(self._units)

    def emf(self, now: float) -> dict[str, Any]:
        """Return the document of what has happened since the last one; `now`: s since 1970."""
        values: dict[str, float] = {}
        for family in self.registry.collect():
            for sample in family.samples:
                if sample.name.endswith("_bucket"):
                    continue
                value = sample.value
                if family.type != "gauge":
                    value -= self._told.get(sample.name, 0.0)
                    self._told[sample.name] = sample.value
                if not math.isnan(value):
                    values[self._cloudwatch_name(sample.name)] = value
        named = {_camel(key): value for key, value in self._all.items()}
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [[_camel(key) for key in self._dimensions]],
            "Metrics": [
                {"Name": name, "Unit": unit} for name, unit in self._units.items() if name in values
            ],
        }
        metadata = {"Timestamp": int(now * 1000), "CloudWatchMetrics": [directive]}
        return {"_aws": metadata, **named, **values}

    def _cloudwatch_name(self, name: str) -> str:
        return _camel(name.removeprefix(self._prefix).removesuffix("_total"))


def _camel(name: str) -> str:
    return name.title().replace("_", "")


class MetricsExport:
    """Tells a process's metrics when it is time; without a target never."""

    def __init__(
        self,
        metrics: Metrics,
        target: Target | None,
        name: str,  # of the file
        look: Callable[[], None] = lambda: None,  # takes the values that are true for the moment
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._metrics = metrics
        self._file = target / f"{name}{SUFFIX}" if isinstance(target, Path) else None
        self._every: float | None = None
        if target is not None:
            self._every = FILE_SECONDS if self._file else EMF_SECONDS
        self._look = look
        self._wall_clock = wall_clock
        self._due: float | None = None

    def tick(self, clock: float) -> None:
        """Tell them if it is time; `clock` is in seconds and goes on."""
        if self._every is None:
            return
        if self._due is None:  # a file at once, for who looks; a line when there is a minute in it
            self._due = clock if self._file else clock + self._every
        if clock >= self._due:
            self._due = clock + self._every
            self._tell()

    def close(self) -> None:
        """Tell them for the last time; a file goes, for an old one would be read for ever."""
        if self._file:
            self._file.unlink(missing_ok=True)
        elif self._every is not None:
            self._tell()

    def _tell(self) -> None:
        self._look()
        if self._file is None:
            log.info("metrics", extra=self._metrics.emf(self._wall_clock()))
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_to_textfile(str(self._file), self._metrics.registry)
        except OSError as error:  # a full disk must not stop what is measured
            log.warning("metrics were not written", extra={"reason": str(error)})
