"""Port to the curated events tables, and which of their rows a state does not have yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import polars as pl
import pyarrow as pa

from lake_core.chain import number
from lake_core.layout import SEQUENCE_DIGITS
from lake_core.names import Domain
from lake_core.published import Published, PublishedChain

# Arrival timestamps of a shard may step back a little; the exact border is the sequence number.
ARRIVAL_SLACK_MILLISECONDS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class TableAt:
    """A curated events table at one snapshot."""

    name: str
    snapshot_id: int | None
    updated_milliseconds: int  # since 1970 UTC: of the table's metadata
    rows: int
    published: Published


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one chain behind a position; all of its rows where that is None."""

    incarnation: str
    shard: str
    behind: str | None = None  # sequence number
    since_milliseconds: int | None = None  # no row of the part arrived before


class CuratedEvents(Protocol):
    """The curated events table of a domain.

    Any method may raise TransientError: try again later; InputError: there is no such table.
    """

    def now(self, domain: Domain) -> TableAt:
        """Return the table as it is now."""
        ...

    def rows(self, domain: Domain, at: TableAt, parts: Sequence[Part] | None) -> Iterator[pa.Table]:
        """Yield the rows at a snapshot as lake objects have them, with incarnation and shard.

        `parts` leaves out what lies far from them; what is near may be among the rows.
        """
        ...


def expected_rows(published: Published) -> int:
    """Return how many rows the table must have by its positions."""
    return sum(chain.rows - chain.duplicates for chain in published.chains)


def parts_behind(held: Published, now: Published) -> list[Part] | None:
    """Return what has come since `held`; None where a state of that cannot be continued.

    It cannot where the table has been taken back, or a range that was set aside has come in.
    """
    known = {(chain.incarnation, chain.shard): chain for chain in held.chains}
    reached = {(chain.incarnation, chain.shard): chain for chain in now.chains}
    for place, chain in known.items():
        if place not in reached or number(reached[place].last) < number(chain.last):
            return None
    still_aside = {one.key for one in now.set_aside}
    if any(one.key not in still_aside for one in held.set_aside):
        return None
    return [
        _part(chain, known.get(place))
        for place, chain in reached.items()
        if place not in known or number(chain.last) > number(known[place].last)
    ]


def _part(chain: PublishedChain, known: PublishedChain | None) -> Part:
    if known is None:
        return Part(chain.incarnation, chain.shard)
    since = known.last_arrival - ARRIVAL_SLACK_MILLISECONDS
    return Part(chain.incarnation, chain.shard, known.last, since)


def only_parts(table: pa.Table, parts: Sequence[Part]) -> pa.Table:
    """Return the rows that belong to the parts."""
    place = ["incarnation", "shard"]
    borders = pl.DataFrame(
        [(part.incarnation, part.shard, _padded(part.behind)) for part in parts],
        schema=dict.fromkeys([*place, "behind"], pl.String),
        orient="row",
    )
    rows = pl.from_arrow(table.select([*place, "sequence_number"]))
    if not isinstance(rows, pl.DataFrame):  # pragma: no cover - a table has several columns
        raise TypeError(type(rows))
    wanted = rows.join(borders, on=place, how="left", maintain_order="left").select(
        (pl.col("sequence_number").str.zfill(SEQUENCE_DIGITS) > pl.col("behind")).fill_null(False)
    )
    return table.filter(wanted.to_series().to_arrow())


def _padded(sequence: str | None) -> str:
    # Before every number, for a chain of which nothing is known.
    return "" if sequence is None else sequence.zfill(SEQUENCE_DIGITS)
