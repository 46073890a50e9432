"""Keys of the lake's bucket, made and read back (contract section 2, invariants I1 and I2)."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final, Self

from lake_core.names import CSV_FILES, Domain

SEQUENCE_DIGITS: Final = 64  # AWS uses 56; a padded number sorts as text as it does as a number
INCARNATION_FORMAT: Final = "%Y%m%dT%H%M%S"
PROCESSED: Final = "processed/"
QUARANTINE: Final = "quarantine/"
RAW: Final = "raw/"
ANALYTICS: Final = "analytics/"
STATE: Final = "state/"
ENDED: Final = "state/ended/"
INTEGRATED: Final = "integrated"  # under analytics/, beside the domains
_RANGE_KEY: Final = re.compile(
    r"processed/(?P<domain>[a-z]+)/dt=(?P<dt>\d{4}-\d\d-\d\d)/hh=(?P<hh>\d\d)/"
    r"(?P<shard>.+)-(?P<incarnation>\d{8}T\d{9}Z)-(?P<first>\d{64})\.parquet",
    re.ASCII,
)


def incarnation_of(created: dt.datetime) -> str:
    """Return the name of a stream's incarnation: its creation time in UTC, to the millisecond."""
    utc = created.astimezone(dt.UTC)
    return f"{utc:{INCARNATION_FORMAT}}{utc.microsecond // 1000:03d}Z"


def hour_of(arrival: dt.datetime) -> dt.datetime:
    """Return the UTC hour an arrival timestamp lies in."""
    return arrival.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)


def partition(hour: dt.datetime) -> str:
    """Return `dt=YYYY-MM-DD/hh=HH/`."""
    return f"dt={hour:%Y-%m-%d}/hh={hour:%H}/"


@dataclass(frozen=True, slots=True, order=True)
class Chain:
    """What one chain of ranges belongs to: one shard of one incarnation of a domain's stream."""

    domain: Domain
    incarnation: str
    shard: str


@dataclass(frozen=True, slots=True)
class RangeName:
    """The name of a range: a function of its first record alone (I2)."""

    chain: Chain
    hour: dt.datetime
    first: int  # sequence number

    @property
    def stem(self) -> str:
        """`<shard>-<incarnation>-<first sequence number>`."""
        number = str(self.first).zfill(SEQUENCE_DIGITS)
        return f"{self.chain.shard}-{self.chain.incarnation}-{number}"

    @property
    def key(self) -> str:
        """The key of the lake object."""
        return f"{PROCESSED}{self.chain.domain}/{partition(self.hour)}{self.stem}.parquet"

    def quarantine_key(self, content_hash: str) -> str:
        """Return the key of the object that holds the range's unusable entries (I3)."""
        return (
            f"{QUARANTINE}{self.chain.domain}/{partition(self.hour)}"
            f"{self.stem}-{content_hash}.jsonl"
        )

    @classmethod
    def parse(cls, key: str) -> Self | None:
        """Read a key back; None where it is not a range's."""
        match = _RANGE_KEY.fullmatch(key)
        if match is None or match["domain"] not in set(Domain):
            return None
        try:
            hour = dt.datetime.strptime(f"{match['dt']} {match['hh']}", "%Y-%m-%d %H").replace(
                tzinfo=dt.UTC
            )
        except ValueError:
            return None
        chain = Chain(Domain(match["domain"]), match["incarnation"], match["shard"])
        return cls(chain, hour, int(match["first"]))


def processed_prefix(domain: Domain) -> str:
    """Return the prefix of all ranges of a domain."""
    return f"{PROCESSED}{domain}/"


def hour_prefix(domain: Domain, hour: dt.datetime) -> str:
    """Return the prefix of a domain's ranges of one arrival hour."""
    return f"{processed_prefix(domain)}{partition(hour)}"


def shard_hour_prefix(chain: Chain, hour: dt.datetime) -> str:
    """Return the prefix of one shard's ranges of one arrival hour: what I5 lists."""
    return f"{hour_prefix(chain.domain, hour)}{chain.shard}-{chain.incarnation}-"


def raw_key(domain: Domain) -> str:
    """Return the key of a domain's CSV."""
    return f"{RAW}{domain}/{CSV_FILES[domain]}"


def ingest_quarantine_key(domain: Domain, event_source: str) -> str:
    """Return the key that holds the CSV rows the ingestor refused."""
    return f"{QUARANTINE}{domain}/ingest/{event_source}.jsonl"


def ended_key(chain: Chain) -> str:
    """Return the key of the marker that a shard's last range is committed (I6)."""
    return f"{ENDED}{chain.domain}/{chain.incarnation}/{chain.shard}.json"


def lease_marker_key(application: str) -> str:
    """Return the key that says to which incarnation a lease table belongs (I2)."""
    return f"{STATE}leases/{application}.json"


def cursor_key(stream: str) -> str:
    """Return the key of the ingestor's cursor for a stream."""
    return f"{STATE}ingestor/{stream}.json"


def analytics_prefix(subject: str) -> str:
    """Return the prefix of what is published of a domain, or of both (`INTEGRATED`)."""
    return f"{ANALYTICS}{subject}/"


def current_key(subject: str) -> str:
    """Return the key that names the version that counts: written last, read first."""
    return f"{analytics_prefix(subject)}current.json"


def state_prefix(domain: Domain) -> str:
    """Return the prefix of a domain's mergeable states."""
    return f"{analytics_prefix(domain)}state/"


def insights_prefix(subject: str) -> str:
    """Return the prefix of the insights as they were published."""
    return f"{analytics_prefix(subject)}insights/"


def state_key(domain: Domain, version: str) -> str:
    """Return the key of a mergeable state."""
    return f"{state_prefix(domain)}{version}"


def insights_key(subject: str, version: str) -> str:
    """Return the key of the insights of a version."""
    return f"{insights_prefix(subject)}{version}.json"


@dataclass(frozen=True, slots=True)
class EventSource:
    """Where an event came from: file name, first 8 hex of its SHA-256, and the replay lap."""

    file: str
    digest: str
    lap: int

    def __str__(self) -> str:
        return f"{self.file}-{self.digest}-{self.lap}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the text form back; None where another producer wrote something else."""
        match text.rsplit("-", 2):
            case [file, digest, lap] if lap.isascii() and lap.isdecimal() and len(lap) < 10:  # noqa: PLR2004
                return cls(file, digest, int(lap))
        return None


def lap_of(event_source: str | None) -> int:
    """Return the replay lap an event belongs to; 0 where its source names none."""
    source = EventSource.parse(event_source) if event_source else None
    return source.lap if source else 0
