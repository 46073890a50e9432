"""JSON of rows that are columns: each value that repeats is written once, rows are put together.

The text is that of `lake_core.parsing.encode_event`, byte for byte.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ingestor.shard_rows import ShardKeys, by_shard
from ingestor.shards import ShardMap
from lake_core.events import EVENT_TYPES
from lake_core.names import Domain

_encoder: Final = msgspec.json.Encoder()


@dataclass(slots=True)
class JsonRows:
    """Rows of one shard, each a JSON object with what ends it. See `records.PackerRows`."""

    keys: ShardKeys
    lines: Any  # an Arrow array of text
    extra: int = 0  # bytes that a row adds to a payload beside its text
    _ends: memoryview = field(init=False)  # where each line begins, and the last one ends
    _text: memoryview = field(init=False)

    def __post_init__(self) -> None:
        _, ends, text = self.lines.buffers()
        first = self.lines.offset
        self._ends = memoryview(ends).cast("i")[first : first + len(self.lines) + 1]
        self._text = memoryview(text)

    def end(self, start: int, room: int) -> int:
        """Return how far rows from `start` on fit into so many bytes."""
        following = range(start + 1, self.keys.count + 1)
        return start + bisect_right(following, room, key=lambda end: self.size(start, end))

    def size(self, start: int, end: int) -> int:
        """Return how many bytes rows add to a payload, at most."""
        return int(self._ends[end] - self._ends[start]) + (end - start) * self.extra

    def text(self, start: int, end: int) -> bytes:
        """Return rows in one piece."""
        return bytes(self._text[self._ends[start] : self._ends[end]])

    def objects(self, start: int, end: int) -> Iterator[tuple[str, bytes]]:
        """Yield partition key and text of rows."""
        keys = self.keys.numbers.slice(start, end - start).to_pylist()
        raws = self.lines.slice(start, end - start).cast(pa.binary()).to_pylist()
        return zip(map(self.keys.words.__getitem__, keys), raws, strict=True)


@dataclass(slots=True)
class NdjsonRows(JsonRows):
    """Rows whose texts are lines."""

    def entries(self, start: int, end: int) -> list[bytes]:
        """Return what a record of these rows is made of."""
        return [self.text(start, end)]


@dataclass(slots=True)
class KplRows(JsonRows):
    """Rows that stay records."""

    def entries(self, start: int, end: int) -> Iterator[tuple[str, bytes]]:
        """Return what a record of these rows is made of."""
        return self.objects(start, end)


def lines_by_shard(
    domain: Domain, rows: pa.RecordBatch, known: ShardMap, ending: str = ""
) -> Iterator[tuple[ShardKeys, Any]]:
    """Yield the rows of each shard as JSON, each object with an ending after it."""
    lines = json_lines(domain, rows, ending)
    for keys in by_shard(domain, rows, known):
        yield keys, keys.of(lines)


def json_lines(domain: Domain, rows: pa.RecordBatch, ending: str = "") -> Any:
    """Return rows of `event_schema` as JSON objects, each with an ending after it.

    They have an identity, nothing is null, and times are of whole seconds but that of ingestion.
    """
    pieces: list[Any] = []
    literal = "{"
    for name, key in _keys(domain):
        quote, values = _text_of(name, rows.column(name))
        pieces += [pa.scalar(literal + key + ":" + quote), values]
        literal = quote + ","
    pieces.append(pa.scalar(literal.removesuffix(",") + "}" + ending))
    return pc.binary_join_element_wise(*pieces, "")


@cache
def _keys(domain: Domain) -> list[tuple[str, str]]:
    """Return attribute and JSON key of what an event is written with, in order."""
    struct = EVENT_TYPES[domain]
    keys = [_encoder.encode(key).decode() for key in struct.__struct_encode_fields__]
    return list(zip(struct.__struct_fields__, keys, strict=True))


def _text_of(name: str, array: Any) -> tuple[str, Any]:
    """Return what stands around each value, and the values as text."""
    kind = array.type
    if name == "ingest_timestamp":  # all the same
        return "", pa.scalar(_encoder.encode(array[0].as_py()).decode())
    if pa.types.is_timestamp(kind):
        naive = array.view(pa.int64()).view(pa.timestamp("us"))
        return '"', naive.cast(pa.timestamp("s")).cast(pa.string())
    if pa.types.is_date32(kind):
        return '"', array.cast(pa.string())
    if isinstance(array, pa.DictionaryArray):
        return "", _chosen([_encoder.encode(word) for word in array.dictionary.to_pylist()], array)
    if pa.types.is_floating(kind):
        coded = pc.dictionary_encode(array)
        # Arrow writes 76.0 as 76, which another reader would take for an integer.
        return "", _chosen(_encoder.encode(coded.dictionary.to_pylist())[1:-1].split(b","), coded)
    return "", array.cast(pa.string())


def _chosen(words: list[bytes], coded: Any) -> Any:
    if len(words) == 1:
        return pa.scalar(words[0].decode())
    return pa.array(words, pa.binary()).cast(pa.string()).take(coded.indices)
