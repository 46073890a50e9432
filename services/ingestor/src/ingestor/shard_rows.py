"""Rows as columns, cut by shard: each different key is looked up once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ingestor.shards import Shard, ShardMap
from lake_core.names import Domain

_KEYS: Final = {Domain.MANUFACTURING: "machine_id", Domain.ECOMMERCE: "customer_id"}


@dataclass(frozen=True, slots=True)
class ShardKeys:
    """Which of some rows belong to a shard, in their order, and their partition keys."""

    shard: Shard
    places: Any  # of its rows among all, as an Arrow array; None: all belong to it
    words: list[str]
    numbers: Any  # which word is the key of each of its rows, as an Arrow array

    @property
    def count(self) -> int:
        """How many rows these are."""
        return len(self.numbers)

    def key(self, row: int) -> str:
        """Return the partition key of its row at an index."""
        number: int = self.numbers[row].as_py()
        return self.words[number]

    def place(self, row: int) -> int:
        """Return where its row at an index stands among all."""
        return row if self.places is None else int(self.places[row].as_py())

    def places_from(self, position: int) -> list[int]:
        """Return where its rows stand if the first of all stands at a position."""
        if self.places is None:
            return list(range(position, position + self.count))
        return [position + place for place in self.places.to_pylist()]

    def of(self, values: Any) -> Any:
        """Return its own rows of a batch or an array of all."""
        return values if self.places is None else values.take(self.places)


def by_shard(domain: Domain, rows: pa.RecordBatch, known: ShardMap) -> Iterator[ShardKeys]:
    """Yield which rows of `event_schema` go to which shard, for each shard that gets any."""
    keys: Any = rows.column(_KEYS[domain])
    coded = keys if isinstance(keys, pa.DictionaryArray) else pc.dictionary_encode(keys)
    words = [str(key) for key in coded.dictionary.to_pylist()]
    if len(known.shards) == 1:
        yield ShardKeys(known.shards[0], None, words, coded.indices)
        return
    numbers = {shard.shard_id: number for number, shard in enumerate(known.shards)}
    of_word = pa.array([numbers[known.shard_of(word).shard_id] for word in words], pa.int32())
    of_row = of_word.take(coded.indices)
    for number, shard in enumerate(known.shards):
        places = pc.indices_nonzero(pc.equal(of_row, pa.scalar(number, pa.int32())))
        if len(places):
            yield ShardKeys(shard, places, words, coded.indices.take(places))
