"""Makes the two objects of a range: the lake object (Parquet) and the quarantine object (JSONL)."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Sequence
from itertools import chain
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
from processor.record_run import Poison, RecordRun

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
    lines = [_line(due, run, poison) for run in due.runs for poison in run.poison]
    if not lines:
        return None
    content = b"\n".join(lines) + b"\n"
    content_hash = hashlib.sha256(content).hexdigest()[:_HASH_DIGITS]
    return due.name.quarantine_key(content_hash), content


def _line(due: Range, record: RecordRun, poison: Poison) -> bytes:
    shard = due.name.chain
    arrival = dt.datetime.fromtimestamp(record.arrivals[0] / 1000, dt.UTC)
    return _encoder.encode(
        QuarantinedEntry(
            reason=poison.reason,
            domain=shard.domain,
            shard=shard.shard,
            incarnation=shard.incarnation,
            sequence_number=record.sequences[0],
            record_index=poison.index,
            arrival_timestamp=arrival.isoformat(timespec="milliseconds"),
            partition_key=poison.partition_key,
            data=base64.b64encode(poison.raw).decode(),
        )
    )


def lake_object(due: Range, rules: RuleSet, quarantine_key: str | None) -> tuple[bytes, Footer]:
    """Return the Parquet file of the range and its footer, also where no row is usable (I7)."""
    table = scored_rows(due.name.chain.domain, due.runs, rules)
    footer = _footer(due, table.num_rows, rules, quarantine_key)
    return encode_object(table, footer), footer


def scored_rows(domain: Domain, runs: Sequence[RecordRun], rules: RuleSet) -> pa.Table:
    """Return the usable entries of records as rows of `lake_schema`, text as words."""
    return score(domain, table_of(domain, runs), positions_of(runs), rules)


def positions_of(runs: Sequence[RecordRun]) -> Positions:
    """Return where the usable entries of records stood on the stream."""
    one_each = [range(1)]
    indexes = (one_each * len(run) if run.indexes is None else [run.indexes] for run in runs)
    return Positions.of_records(
        list(chain.from_iterable(run.sequences for run in runs)),
        list(chain.from_iterable(run.arrivals for run in runs)),
        list(chain.from_iterable(indexes)),
    )


def _footer(due: Range, rows: int, rules: RuleSet, quarantine_key: str | None) -> Footer:
    shard, runs = due.name.chain, due.runs
    return Footer(
        format_version=FORMAT_VERSION,
        schema_version=SCHEMA_VERSION,
        scoring_version=rules.scoring_version,
        domain=shard.domain,
        shard=shard.shard,
        incarnation=shard.incarnation,
        first=runs[0].sequences[0],
        last=runs[-1].sequences[-1],
        after=due.after,
        first_arrival=runs[0].arrivals[0],
        last_arrival=runs[-1].arrivals[-1],
        records=sum(map(len, runs)),
        rows=rows,
        unusable=sum(len(run.poison) for run in runs),
        payload_bytes=sum(run.payload_bytes for run in runs),
        stream_bytes=sum(sum(run.sizes) for run in runs),
        quarantine=quarantine_key,
        gap_possible=runs[0].gap_possible,
    )
