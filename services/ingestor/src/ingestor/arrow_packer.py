"""The packing `arrow-zstd`: columns instead of JSON. Only imported where it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lake_core.arrow import WORDS, event_batch, event_schema
from lake_core.arrow_packed import pack_rows
from lake_core.events import Event
from lake_core.names import Domain

_VALUE_BYTES: Final = 8  # of the widest; validity adds a bit, an index and an offset are 4 each
_STREAM_BYTES: Final = 16 * 1024  # schema and messages of the record, spread over its events
_LEAST_EVENTS: Final = 64


class ArrowPacker:
    """See `records.Packer`; its entries are the events themselves."""

    def __init__(self, domain: Domain) -> None:
        schema = event_schema(domain)
        self._domain = domain
        self._texts = [field.name for field in schema if field.type == WORDS]
        self._fixed = (_VALUE_BYTES + 1) * len(schema) + _STREAM_BYTES // _LEAST_EVENTS

    def entry(self, event: Event) -> Event:
        """See `records.Packer`."""
        return event

    def size(self, entry: Event) -> int:
        """See `records.Packer`."""
        texts = (getattr(entry, name) for name in self._texts)
        return self._fixed + sum(len(text.encode()) for text in texts if text is not None)

    def pack(self, entries: Sequence[Event], hash_key: str) -> bytes:
        """See `records.Packer`."""
        del hash_key
        return pack_rows(event_batch(self._domain, entries))
