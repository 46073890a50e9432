"""Makes the two objects of a range: the lake object (Parquet) and the quarantine object (JSONL)."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

import msgspec
import pyarrow as pa

from lake_core.arrow import Positions
from lake_core.arrow import scored_rows as score
from lake_core.footer import FORMAT_VERSION, Footer
from lake_core.names import Domain
from lake_core.parquet import encode_object
from lake_core.rules import RuleSet
from lake_core.schema import SCHEMA_VERSION
from processor.chain import Range
from processor.event_columns import table_of
from processor.records import Poison, StreamRecord

_HASH_DIGITS: Final = 16  # of SHA-256: names of one range's candidates, a handful at most
_encoder: Final = msgspec.json.Encoder()


class QuarantinedEntry(msgspec.Struct):
    """One line of a quarantine object."""

    reason: str
    domain: str
    shard: str
    incarnation: str
    sequence_number: str
    record_index: int
    arrival_timestamp: str
    partition_key: str
    data: str  # the entry as it arrived, base64


def quarantine_object(due: Range) -> tuple[str, bytes] | None:
    """Return key and content of the range's quarantine object; None where nothing is unusable."""
    lines = [_line(due, record, poison) for record in due.records for poison in record.poison]
    if not lines:
        return None
    content = b"\n".join(lines) + b"\n"
    content_hash = hashlib.sha256(content).hexdigest()[:_HASH_DIGITS]
    return due.name.quarantine_key(content_hash), content


def _line(due: Range, record: StreamRecord, poison: Poison) -> bytes:
    chain = due.name.chain
    arrival = dt.datetime.fromtimestamp(record.arrival / 1000, dt.UTC)
    return _encoder.encode(
        QuarantinedEntry(
            reason=poison.reason,
            domain=chain.domain,
            shard=chain.shard,
            incarnation=chain.incarnation,
            sequence_number=record.sequence,
            record_index=poison.index,
            arrival_timestamp=arrival.isoformat(timespec="milliseconds"),
            partition_key=poison.partition_key,
            data=base64.b64encode(poison.raw).decode(),
        )
    )


def lake_object(due: Range, rules: RuleSet, quarantine_key: str | None) -> tuple[bytes, Footer]:
    """Return the Parquet file of the range and its footer, also where no row is usable (I7)."""
    table = scored_rows(due.name.chain.domain, due.records, rules)
    footer = _footer(due, table.num_rows, rules, quarantine_key)
    return encode_object(table, footer), footer


def scored_rows(domain: Domain, records: Sequence[StreamRecord], rules: RuleSet) -> pa.Table:
    """Return the usable entries of the records as rows of `lake_schema`, text as words."""
    table = table_of(domain, records)
    positions = Positions.of_records(
        [record.sequence for record in records],
        [record.arrival for record in records],
        [record.indexes for record in records],
    )
    return score(domain, table, positions, rules)


def _footer(due: Range, rows: int, rules: RuleSet, quarantine_key: str | None) -> Footer:
    chain, records = due.name.chain, due.records
    return Footer(
        format_version=FORMAT_VERSION,
        schema_version=SCHEMA_VERSION,
        scoring_version=rules.scoring_version,
        domain=chain.domain,
        shard=chain.shard,
        incarnation=chain.incarnation,
        first=records[0].sequence,
        last=records[-1].sequence,
        after=due.after,
        first_arrival=records[0].arrival,
        last_arrival=records[-1].arrival,
        records=len(records),
        rows=rows,
        unusable=sum(map(len, map(attrgetter("poison"), records))),
        payload_bytes=sum(map(attrgetter("payload_bytes"), records)),
        stream_bytes=sum(map(attrgetter("stream_bytes"), records)),
        quarantine=quarantine_key,
        gap_possible=records[0].gap_possible,
    )
