"""What a snapshot of a curated events table says of the ranges it was made from.

The ETL job writes it into the snapshot's summary in the same commit as the rows, under
`SUMMARY_KEY`, as JSON. So a table and the positions it reaches can never disagree: a run that dies
leaves both as they were, and a rollback takes both back.
"""

from __future__ import annotations

from typing import Final

import msgspec

from lake_core.errors import UnreadableObject
from lake_core.footer import Footer
from lake_core.layout import Chain
from lake_core.names import Domain

SUMMARY_KEY: Final = "lake.published"
FORMAT_VERSION: Final = 1


class PublishedChain(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far one shard of one incarnation is in the table, and what its footers add up to.

    Sequence numbers are text as Kinesis gave them; times are milliseconds since 1970 UTC.
    """

    incarnation: str
    shard: str
    first: str
    last: str  # the position: ranges whose `after` equals it come next
    last_arrival: int
    objects: int
    object_bytes: int
    records: int
    rows: int  # of the ranges; the table has fewer by `duplicates`
    unusable: int
    payload_bytes: int
    stream_bytes: int
    duplicates: int
    possible_gaps: tuple[str, ...] = ()  # sequence numbers a possible gap lies before
    gaps: tuple[tuple[str | None, str], ...] = ()  # nothing was found between these
    overlaps: tuple[str, ...] = ()  # keys of ranges on ground already passed

    def chain(self, domain: Domain) -> Chain:
        """Return the name of the chain."""
        return Chain(domain, self.incarnation, self.shard)


class SetAside(msgspec.Struct, frozen=True):
    """A range that could not be read: its rows are not in the table; each run tries again."""

    key: str
    reason: str


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """The positions of every chain of a domain in one snapshot of its events table."""

    domain: Domain
    chains: tuple[PublishedChain, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    format_version: int = FORMAT_VERSION


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Published)


def encode_published(published: Published) -> str:
    """Return the text for the snapshot's summary."""
    return _encoder.encode(published).decode()


def decode_published(text: str, where: str) -> Published:
    """Read the text back; `where` names the table and snapshot it came from.

    Raises:
        UnreadableObject: not such a text, or of a newer format than this program knows.
    """
    try:
        published = _decoder.decode(text)
    except msgspec.DecodeError as error:
        raise UnreadableObject(f"{where}: {SUMMARY_KEY} cannot be read: {error}") from error
    if published.format_version > FORMAT_VERSION:
        raise UnreadableObject(
            f"{where} has format {published.format_version}, this program reads up to "
            f"{FORMAT_VERSION}: upgrade it first"
        )
    return published


def begin(name: Chain, footer: Footer) -> PublishedChain:
    """Return a chain of which nothing is published, about to take the range of that footer."""
    return PublishedChain(
        incarnation=name.incarnation, shard=name.shard, first=footer.first, last=footer.first,
        last_arrival=footer.first_arrival, objects=0, object_bytes=0, records=0, rows=0,
        unusable=0, payload_bytes=0, stream_bytes=0, duplicates=0,
    )  # fmt: skip


def take(chain: PublishedChain, footer: Footer, object_bytes: int) -> PublishedChain:
    """Return the chain with one more range; duplicates are counted apart, when rows are read."""
    gaps = (*chain.possible_gaps, footer.first) if footer.gap_possible else chain.possible_gaps
    return msgspec.structs.replace(
        chain,
        last=footer.last,
        last_arrival=footer.last_arrival,
        objects=chain.objects + 1,
        object_bytes=chain.object_bytes + object_bytes,
        records=chain.records + footer.records,
        rows=chain.rows + footer.rows,
        unusable=chain.unusable + footer.unusable,
        payload_bytes=chain.payload_bytes + footer.payload_bytes,
        stream_bytes=chain.stream_bytes + footer.stream_bytes,
        possible_gaps=gaps,
    )


def recover(chain: PublishedChain, footer: Footer, object_bytes: int) -> PublishedChain:
    """Return the chain with a range that had been set aside: it lies before the position."""
    grown = take(chain, footer, object_bytes)
    return msgspec.structs.replace(grown, last=chain.last, last_arrival=chain.last_arrival)
