"""What is known of one chain: the delivery proof of a shard, kept up as ranges are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from analytics_api.live_tail import LiveTail
from lake_core.chain import ChainReader, number
from lake_core.footer import Footer
from lake_core.layout import Chain
from lake_core.names import Domain
from lake_core.published import PublishedChain


@dataclass(slots=True)
class ShardProof:
    """One shard of one incarnation: its chain in order, and everything that is wrong with it."""

    chain: Chain
    reader: ChainReader = field(default_factory=ChainReader)
    objects: int = 0
    records: int = 0
    rows: int = 0
    unusable: int = 0
    producer_duplicates: int = 0
    first: str | None = None
    last: str | None = None
    last_arrival: int | None = None  # milliseconds since 1970 UTC
    possible_gaps: list[str] = field(default_factory=list)  # sequence numbers they lie before
    unreadable: dict[str, str] = field(default_factory=dict)  # key → reason
    quarantine: dict[str, str] = field(default_factory=dict)  # key → what is wrong with it
    checkpoint: str | None = None  # where KCL would go on: the lake must reach as far
    ended: bool = False
    published: PublishedChain | None = None  # what the ETL run proved: the rest is walked here
    set_aside: dict[str, str] = field(default_factory=dict)  # key → why the ETL run left it out
    stalled: bool = False  # a range waits for its predecessor for longer than listings take
    tail: LiveTail = field(default_factory=LiveTail)  # counted, and not in the lake yet

    @classmethod
    def of_published(cls, domain: Domain, published: PublishedChain) -> Self:
        """Return the proof of a chain that is in the curated table up to its position."""
        reader = ChainReader.behind(published.last)
        reader.gaps, reader.overlaps = [*published.gaps], [*published.overlaps]
        return cls(
            published.chain(domain),
            reader,
            objects=published.objects,
            records=published.records,
            rows=published.rows,
            unusable=published.unusable,
            producer_duplicates=published.duplicates,
            first=published.first,
            last=published.last,
            last_arrival=published.last_arrival,
            possible_gaps=[*published.possible_gaps],
            published=published,
        )

    def count(self, footer: Footer, duplicates: int) -> None:
        """Take a range that continues the chain."""
        self.objects += 1
        self.records += footer.records
        self.rows += footer.rows
        self.unusable += footer.unusable
        self.producer_duplicates += duplicates
        self.first = self.first or footer.first
        self.last = footer.last
        self.last_arrival = footer.last_arrival
        if footer.gap_possible:
            self.possible_gaps.append(footer.first)

    @property
    def in_lake(self) -> bool:
        """Whether there is anything to prove: else it is known by its live chunks alone."""
        said = self.last or self.checkpoint or self.unreadable or self.set_aside
        return bool(said or self.reader.waiting)

    @property
    def through(self) -> str | None:
        """Up to where its events are counted, live ones included."""
        return self.tail.through or self.last

    @property
    def through_arrival(self) -> int | None:
        """The arrival of the last of those, in milliseconds since 1970 UTC."""
        return self.tail.last_arrival or self.last_arrival

    @property
    def problems(self) -> list[str]:
        """What keeps this shard from being verified, in words."""
        gaps = [f"nothing between {end} and {first}" for end, first in self.reader.gaps]
        flagged = [f"records may have expired before {first}" for first in self.possible_gaps]
        overlaps = [f"{key} covers ground that is taken" for key in self.reader.overlaps]
        return [
            *gaps,
            *flagged,
            *overlaps,
            *self.unreadable.values(),
            *self.quarantine.values(),
            *(f"{key} was set aside: {why}" for key, why in sorted(self.set_aside.items())),
            *self._holes(),
        ]

    def _holes(self) -> list[str]:
        """Name objects that must exist and are not there."""
        holes = []
        if self.stalled and not self.unreadable:
            following = self.reader.first_waiting
            named = following.key if following else "?"
            holes.append(
                f"the object between {self.last or 'the beginning'} and {named} is missing"
            )
        if number(self.checkpoint) > number(self.last):
            holes.append(
                f"records up to {self.checkpoint} were committed, the lake ends at {self.last}: "
                "the last object is missing"
            )
        return holes

    def _proven_by_etl(self) -> dict[str, Any]:
        """Return up to where the ETL run read the chain; what follows was read here."""
        known = self.published
        return {
            "objects": known.objects if known else 0,
            "rows": known.rows if known else 0,
            "last_sequence_number": known.last if known else None,
        }

    def answer(self) -> dict[str, Any]:
        """Return the shard's line of the proof."""
        return {
            "domain": self.chain.domain,
            "incarnation": self.chain.incarnation,
            "shard": self.chain.shard,
            "objects": self.objects,
            "records": self.records,
            "rows": self.rows,
            "first_sequence_number": self.first,
            "last_sequence_number": self.last,
            "ended": self.ended,
            "gaps": [{"after": end, "before": first} for end, first in self.reader.gaps],
            "possible_gaps": self.possible_gaps,
            "overlaps": self.reader.overlaps,
            "unreadable_objects": sorted([*self.unreadable, *self.quarantine]),
            "quarantined_entries": self.unusable,
            "producer_duplicates": self.producer_duplicates,
            "proven_by_etl": self._proven_by_etl(),
            "set_aside": [
                {"key": key, "reason": why} for key, why in sorted(self.set_aside.items())
            ],
            "waiting_objects": self.reader.waiting,
            "problems": self.problems,
            "verified": not self.problems,
        }
