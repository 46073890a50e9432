"""The identities among the rows of one run: enough to know whether any can be there already."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lake_glue.transforms import IDENTITY


class Identities:
    """Rows by source: eight bytes an event."""

    def __init__(self) -> None:
        self._rows: dict[str, list[Any]] = defaultdict(list)

    def add(self, table: pa.Table) -> None:
        """Take note of a range; events without an identity are none of ours."""
        named = table.select(list(IDENTITY)).drop_null()
        source, row = (named[name] for name in IDENTITY)
        unique: list[Any] = source.unique().to_pylist()
        for one in unique:
            self._rows[one].append(row.filter(pc.equal(source, one)))

    @property
    def sources(self) -> list[str]:
        """Which sources there are."""
        return sorted(self._rows)

    @property
    def span(self) -> tuple[int, int]:
        """The least and greatest row of any source; of none, an empty span."""
        every = [some for held in self._rows.values() for some in held]
        least = (pc.min(some).as_py() for some in every)
        greatest = (pc.max(some).as_py() for some in every)
        return min(least, default=0), max(greatest, default=-1)

    def repeat(self) -> bool:
        """Whether an identity is there twice."""
        return any(_repeats(held) for held in self._rows.values())


def _repeats(held: list[Any]) -> bool:
    rows = pa.chunked_array([chunk for some in held for chunk in some.chunks])
    return bool(pc.count_distinct(rows).as_py() < len(rows))
