"""The two ways to deploy the lake, as data: every value with its unit and its reason.

Names carry no stage (they are the contract's), so a stage is an account of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lake_core.errors import SettingsError
from lake_core.names import Domain

HOURS_A_DAY: Final = 24
LEAST_RETENTION_HOURS: Final = 24  # I8
MOST_RETENTION_HOURS: Final = 8760  # Kinesis' own limit
# I8: objects of processed/ outlive the stream that they were written from. A week on top of it is
# the time in which somebody notices that the hourly ETL, which copies them, fails.
LEAST_DAYS_BEHIND_RETENTION: Final = 7


@dataclass(frozen=True, slots=True)
class Provisioned:
    """Shards by the hour: 1 MB/s or 1,000 records/s in, each. The cheaper one for a known load."""

    shards: Mapping[Domain, int]


@dataclass(frozen=True, slots=True)
class OnDemand:
    """Kinesis scales by itself and bills by the stream-hour and GB; tasks need a ceiling still."""

    tasks: Mapping[Domain, int]


Capacity = Provisioned | OnDemand


@dataclass(frozen=True, slots=True)
class Size:
    """Of a Fargate task."""

    cpu: int  # units, 1024 are one vCPU
    memory: int  # MiB


class Network(StrEnum):
    """Where tasks stand. Neither needs a NAT gateway (33 USD a month each)."""

    # Public addresses (3.65 USD a month each), nothing let in.
    PUBLIC = "public"
    # No route to the internet; AWS reached over interface endpoints (7.30 USD a month, each zone).
    PRIVATE = "private"


@dataclass(frozen=True, slots=True)
class Stage:
    """A whole deployment."""

    name: str
    capacity: Capacity
    retention_hours: int
    processed_days: int
    old_version_days: int  # what an accident may be undone within
    log_days: int
    processor: Size
    ingestor: Size
    api: Size
    analytics: Size
    api_tasks: tuple[int, int]  # least, most
    spot: bool  # for processors: two minutes' notice, and I4 and I5 make a loss harmless
    network: Network
    rows_per_day: Mapping[Domain, int]  # what the scheduled ingestor sends
    glue_workers: int
    waf_requests_per_five_minutes: int | None
    budget_usd: int
    live: bool  # answers and alerts within a second; off: as young as the last range
    recoverable: bool  # point-in-time recovery, deletion protection, buckets kept
    iterator_age_minutes: int = 5  # an alarm; far below any retention
    quarantine_percent: float = 5.0  # an alarm
    api_p99_seconds: float = 1.0  # an alarm: answers are prepared bytes

    def __post_init__(self) -> None:
        """Refuse what the lake's guarantees do not allow.

        Raises:
            SettingsError: names the value and what it has to be.
        """
        if not LEAST_RETENTION_HOURS <= self.retention_hours <= MOST_RETENTION_HOURS:
            raise SettingsError(
                f"{self.name}: retention_hours is {self.retention_hours}; I8 and Kinesis allow "
                f"{LEAST_RETENTION_HOURS} to {MOST_RETENTION_HOURS}"
            )
        least = self.retention_hours / HOURS_A_DAY + LEAST_DAYS_BEHIND_RETENTION
        if self.processed_days < least:
            raise SettingsError(
                f"{self.name}: processed_days is {self.processed_days}; objects of processed/ have "
                f"to outlive the streams and the ETL by a margin (I8): at least {least:g} days"
            )

    def most_tasks(self, domain: Domain) -> int:
        """Return how many processors of a domain there may be: a task more than shards idles."""
        match self.capacity:
            case Provisioned(shards):
                return shards[domain]
            case OnDemand(tasks):
                return tasks[domain]


DEV: Final = Stage(
    name="dev",
    capacity=Provisioned({Domain.MANUFACTURING: 1, Domain.ECOMMERCE: 1}),  # a shard: 86M events/day
    retention_hours=24,  # included in the price of a shard
    processed_days=30,
    old_version_days=7,
    log_days=14,
    # The JVM takes 243 MB and a child 141 (docs/performance.md); a quarter of a vCPU carries a
    # few hundred events a second, and a whole one only brings the start forward.
    processor=Size(256, 1024),
    ingestor=Size(256, 512),  # 164 MB
    api=Size(256, 1024),  # 291 MB
    analytics=Size(512, 2048),  # polars over a day's batch
    api_tasks=(1, 2),
    spot=True,
    network=Network.PUBLIC,
    rows_per_day={Domain.MANUFACTURING: 100_000, Domain.ECOMMERCE: 1_000},
    glue_workers=2,  # the least there is; the default is 10
    waf_requests_per_five_minutes=None,  # 6 USD a month; the load balancer lets named networks in
    live=True,  # 3 USD a month here; at a billion events a day most of the bill
    budget_usd=200,  # docs/cost.md says 145 at 100,000 events a day; it rings at 80 %
    recoverable=False,
)

PROD: Final = Stage(
    name="prod",
    capacity=Provisioned({Domain.MANUFACTURING: 2, Domain.ECOMMERCE: 1}),
    retention_hours=168,  # a long weekend without processors loses nothing; one price to 7 days
    processed_days=90,
    old_version_days=30,
    log_days=90,
    processor=Size(512, 2048),
    ingestor=Size(256, 512),
    api=Size(512, 2048),
    analytics=Size(1024, 4096),
    api_tasks=(2, 4),  # one a zone
    spot=True,
    network=Network.PRIVATE,
    rows_per_day={Domain.MANUFACTURING: 100_000, Domain.ECOMMERCE: 1_000},
    glue_workers=2,
    waf_requests_per_five_minutes=2_000,  # of one address: 400 people who look every minute
    live=True,
    budget_usd=500,
    recoverable=True,
)

STAGES: Final = {stage.name: stage for stage in (DEV, PROD)}
