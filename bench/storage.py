"""Bytes a row in Parquet: ours, as Firehose would write it, and what no encoder can beat."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lake_core.names import Domain

SIZES: Final = (100, 1_000, 10_000, 100_000)
_NORMAL_BITS: Final = 0.5 * math.log2(2 * math.pi * math.e)  # of a standard deviation of one


def joint_entropy_bytes() -> float:
    """Return the entropy of a generated reading, in bytes (contract section 6).

    Draws are independent; times, flags and the score follow from them and cost nothing. Values are
    of two decimals. Remaining life is 9 bits, or 5.6 where the reading is anomalous (6.7 + 2.3 %).
    """
    anomalous = 1 - (1 - _tail(1.5)) * (1 - _tail(2.0))
    bits = (
        math.log2(50)  # machine
        + (_NORMAL_BITS + math.log2(10 / 0.01))  # temperature
        + (_NORMAL_BITS + math.log2(15 / 0.01))  # vibration
        + math.log2(5001) + math.log2(401) + math.log2(451)  # humidity, pressure, energy
        + _entropy([0.1, 0.8, 0.1])  # status
        + anomalous * math.log2(49) + (1 - anomalous) * math.log2(490)  # remaining life
        + 0.1 * _entropy([0.3, 0.2, 0.2, 0.1, 0.2])  # kind of failure
    )  # fmt: skip
    return bits / 8


def column_entropy_bytes(table: pa.Table) -> float:
    """Return the summed entropy of the columns' values, each drawn from its own distribution.

    What an encoder that looks at one column at a time, and at no order, cannot beat. Columns that
    only grow (times, rows, positions) are left out: their order is their content.
    """
    growing = {"timestamp", "ingest_timestamp", "arrival_timestamp", "sequence_number",
               "record_index", "event_row"}  # fmt: skip
    bits = 0.0
    for name in table.schema.names:
        if name not in growing:
            counted: Any = pc.value_counts(table[name].combine_chunks())
            counts = counted.field("counts").to_pylist()
            bits += _entropy([count / table.num_rows for count in counts])
    return bits / 8


def firehose_bytes(table: pa.Table) -> int:
    """Return the size with Snappy and default encodings, as record format conversion writes it."""
    sink = io.BytesIO()
    options: dict[str, Any] = {"compression": "snappy"}
    pq.write_table(table, sink, **options)
    return len(sink.getvalue())


def _tail(deviations: float) -> float:
    return 0.5 * math.erfc(deviations / math.sqrt(2))


def _entropy(shares: Sequence[float]) -> float:
    return -sum(share * math.log2(share) for share in shares if share)


DOMAIN: Final = Domain.MANUFACTURING
