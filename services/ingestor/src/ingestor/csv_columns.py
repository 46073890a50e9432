"""A CSV as columns: what plain blocks of canonical cells become without an object for each row.

Only what is certain is taken: cells of a few spellings that mean the same to Arrow and to
`lake_core.parsing`, or different words that `lake_core.parsing` itself reads. A block with any
other cell, or one that breaks a limit, goes row by row.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from ingestor.csv_blocks import PlainBlock
from ingestor.source import BadRow, CsvSource, GoodRow
from lake_core.arrow import event_schema
from lake_core.column_rules import usable_rows
from lake_core.names import Domain
from lake_core.parsing import value_of_cell
from lake_core.schema import IDENTITY_COLUMNS, Column, Kind, columns

_DECIMAL: Final = b"0123456789.-"
_INSTANT: Final = b"0123456789-: "
_INSTANT_CHARACTERS: Final = len("YYYY-MM-DD HH:MM:SS")
_MAX_DECIMAL_CHARACTERS: Final = 32
_MONEY: Final = r"^\$[0-9]{1,16}\.[0-9]{1,9} ?$"
_EVENT_TIME: Final = {Domain.MANUFACTURING: "timestamp", Domain.ECOMMERCE: "time_of_purchase"}


@dataclass(frozen=True, slots=True)
class GoodRows:
    """Neighbouring rows as columns of `event_schema`, without their identity."""

    domain: Domain
    row: int  # of the first
    columns: pa.RecordBatch

    @property
    def count(self) -> int:
        """How many rows these are."""
        return self.columns.num_rows

    def slice(self, start: int, count: int) -> GoodRows:
        """Return some of them."""
        return GoodRows(self.domain, self.row + start, self.columns.slice(start, count))

    def identified(self, source: str, days: int, now: dt.datetime) -> pa.RecordBatch:
        """Return the columns with identity, the event times so many days later."""
        arrays = {name: self.columns.column(name) for name in self.columns.schema.names}
        time = _EVENT_TIME[self.domain]
        arrays[time] = _later(arrays[time], days)
        zeros = pa.repeat(pa.scalar(0, pa.int32()), self.count)
        arrays["event_source"] = pa.DictionaryArray.from_arrays(zeros, [source])
        arrays["event_row"] = pa.array(range(self.row, self.row + self.count), pa.int64())
        schema = event_schema(self.domain)
        instant = pa.scalar(now, schema.field("ingest_timestamp").type)
        arrays["ingest_timestamp"] = pa.repeat(instant, self.count)
        return pa.RecordBatch.from_arrays([arrays[name] for name in schema.names], schema=schema)


def column_rows(source: CsvSource, first: int = 0) -> Iterator[GoodRows | GoodRow | BadRow]:
    """Yield each data row of a file from row `first` on, many at a time where possible."""
    for row, header, block in source.blocks(first):
        if not isinstance(block, PlainBlock):
            yield source.row_of(row, header, block)
            continue
        batch = columns_of(source.domain, header, block)
        if batch is None or batch.num_rows != block.rows:
            yield from source.rows_of(row, header, block, first)
            continue
        skipped = max(0, first - row)
        rows = GoodRows(source.domain, row, batch)
        yield rows.slice(skipped, rows.count - skipped)


def columns_of(domain: Domain, header: list[str], block: PlainBlock) -> pa.RecordBatch | None:
    """Return the rows of a plain block; None if one of them is not certain to be usable."""
    if len(set(header)) < len(header) or not set(IDENTITY_COLUMNS).isdisjoint(header):
        return None
    schema = event_schema(domain)
    try:
        block.data.decode()  # also what is ignored has to be text
        cells = _cells(domain, header, block)
        arrays = {
            c.name: _values(cells[c.key].combine_chunks(), c, schema.field(c.name).type)
            for c in columns(domain)
        }
    except (pa.ArrowInvalid, ValueError, OverflowError):
        return None  # row by row it is told which cell of which row
    rows = cells.num_rows
    batch = pa.RecordBatch.from_arrays(
        [arrays[f.name] if f.name in arrays else pa.nulls(rows, f.type) for f in schema],
        schema=schema,
    )
    return batch if usable_rows(domain, batch) is None else None


def _cells(domain: Domain, header: list[str], block: PlainBlock) -> pa.Table:
    keys = [column.key for column in columns(domain)]
    source: Any = pa.BufferReader(block.data)
    return csv.read_csv(
        source,
        read_options=csv.ReadOptions(
            use_threads=False, block_size=len(block.data) + 1, column_names=header
        ),
        parse_options=csv.ParseOptions(
            quote_char='"' if block.quoted else False, double_quote=False, ignore_empty_lines=False
        ),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(keys, pa.string()), include_columns=keys
        ),
    )


def _values(cells: Any, column: Column, kind: pa.DataType) -> Any:
    """Return the values of a column's cells.

    Raises:
        ValueError: a cell is not in one of the few spellings taken here.
    """
    match column.kind:
        case Kind.STRING:
            return pc.dictionary_encode(cells)
        case Kind.FLOAT64:
            return _decimals(cells)
        case Kind.TIMESTAMP:
            _refuse_others(cells, _INSTANT)
            _refuse_lengths(cells, _INSTANT_CHARACTERS, _INSTANT_CHARACTERS)
            return pc.cast(cells, pa.timestamp("us")).view(pa.int64()).view(kind)
        case _:
            words = pc.dictionary_encode(cells)
            read = [value_of_cell(column, cell) for cell in words.dictionary.to_pylist()]
            return pa.array(read, kind).take(words.indices)


def _decimals(cells: Any) -> Any:
    if pc.all(pc.match_substring_regex(cells.slice(0, 1), _MONEY)).as_py():
        if not pc.all(pc.match_substring_regex(cells, _MONEY)).as_py():
            raise ValueError("not all are amounts")
        cells = pc.utf8_trim(cells, characters="$ ")
    _refuse_others(cells, _DECIMAL)
    _refuse_lengths(cells, 1, _MAX_DECIMAL_CHARACTERS)
    return pc.cast(cells, pa.float64())


def _refuse_others(cells: Any, characters: bytes) -> None:
    """Refuse cells with other characters than these."""
    joined: Any = pc.binary_join(pa.ListArray.from_arrays([0, len(cells)], cells), "")
    text = joined[0]
    if text.as_buffer().to_pybytes().translate(None, characters):
        raise ValueError("a cell holds other characters")


def _refuse_lengths(cells: Any, least: int, most: int) -> None:
    extremes: Any = pc.min_max(pc.binary_length(cells))
    found = extremes.as_py()
    if found["min"] is not None and not least <= found["min"] <= found["max"] <= most:
        raise ValueError("a cell is of another length")


def _later(times: Any, days: int) -> Any:
    if not days:
        return times
    whole = pa.int32() if pa.types.is_date32(times.type) else pa.int64()
    step = days if pa.types.is_date32(times.type) else days * 86_400_000_000
    return pc.add(times.view(whole), pa.scalar(step, whole)).view(times.type)
