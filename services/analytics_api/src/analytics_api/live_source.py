"""Where live chunks are read from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lake_core.layout import Chain
from lake_core.live import LiveChunk
from lake_core.names import Domain


class LiveSource(Protocol):
    """The live view (docs/adr/0007), for reading."""

    def announced(self, domain: Domain) -> Sequence[Chain]:
        """Return shards of which the lake may hold nothing yet.

        Raises:
            TransientError: it cannot be read now.
        """
        ...

    def chunks(self, chain: Chain, position: str | None) -> Sequence[LiveChunk]:
        """Return the chunks that go on behind a position, the smallest first; maybe others too.

        Raises:
            TransientError: it cannot be read now.
            UnreadableObject: what is there is no chunk, or a newer program's.
        """
        ...
