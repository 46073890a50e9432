"""A lake in memory: chains of ranges as the processor writes them, and the API over it."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from analytics_api.app import make_app
from analytics_api.follower import Follower
from analytics_api.lake_reader import StoredObject, Tagged
from analytics_api.live_source import LiveSource
from analytics_api.service import LakeService
from lake_core.arrow import Positions, scored_table
from lake_core.errors import TransientError, UnreadableObject
from lake_core.events import Event
from lake_core.footer import Footer
from lake_core.layout import Chain, RangeName, hour_of
from lake_core.names import Domain
from lake_core.parquet import encode_object
from lake_core.parsing import event_from_cells
from lake_core.rules import DEFAULT
from tests.unit.analytics_api.expectations import Row

ARRIVAL = 1_795_459_132_361
INCARNATION = "20261123T181500123Z"


class MemoryLake:
    """A bucket in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.away = False
        self.refused: set[str] = set()  # keys that cannot be read now
        self.reads = 0
        self.listed: list[tuple[str, str]] = []  # prefix, after

    def list(self, prefix: str, after: str = "") -> Iterable[StoredObject]:
        self.listed.append((prefix, after))
        if self.away:
            raise TransientError("the bucket is away")
        keys = sorted(k for k in self.objects if k.startswith(prefix) and k > after)
        return [StoredObject(key, len(self.objects[key]), ARRIVAL) for key in keys]

    def read(self, key: str) -> bytes:
        self.reads += 1
        if key in self.refused:
            raise TransientError(f"{key}: slow down")
        if key not in self.objects:
            raise UnreadableObject(f"{key} is gone")
        return self.objects[key]

    def read_other(self, key: str, etag: str | None) -> Tagged | None:
        if self.away:
            raise TransientError("the bucket is away")
        if key not in self.objects:
            return None
        found = hashlib.sha256(self.objects[key]).hexdigest()
        return None if found == etag else Tagged(self.objects[key], found)

    def find(self, key: str) -> Tagged | None:
        return self.read_other(key, None)

    def put(self, key: str, body: bytes) -> None:
        self.objects[key] = body

    def replace(self, key: str, body: bytes, etag: str | None) -> bool:
        held = self.find(key)
        if (held and held.etag) != etag:
            return False
        self.objects[key] = body
        return True

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.objects.pop(key, None)


class Builder:
    """Writes chains of ranges as the processor does."""

    def __init__(self) -> None:
        self.lake = MemoryLake()
        self._ends: dict[Chain, int] = {}

    def add(
        self, domain: Domain, rows: list[Row], *, shard: int = 0, source: str | None = "f.csv-0a-0",
        first_row: int = 0, unusable: int = 0, gap: bool = False,
        incarnation: str = INCARNATION, arrival: int = ARRIVAL,
    ) -> str:  # fmt: skip
        """Add a range of rows to a shard's chain; return its key."""
        chain = Chain(domain, incarnation, f"shardId-{shard:012d}")
        hour = hour_of(dt.datetime.fromtimestamp(arrival / 1000, dt.UTC))
        after = self._ends.get(chain)
        first = (after or 100) + 1
        last = first + len(rows) + unusable
        self._ends[chain] = last
        name = RangeName(chain, hour, first)
        events = [self._event(domain, cells, source, first_row + i) for i, cells in enumerate(rows)]
        n = len(events)
        positions = Positions([str(first + i) for i in range(n)], [0] * n, [arrival] * n)
        footer = Footer(
            format_version=1, schema_version=1, scoring_version="default-1", domain=domain,
            shard=chain.shard, incarnation=incarnation, first=str(first), last=str(last),
            after=None if after is None else str(after), first_arrival=arrival,
            last_arrival=arrival, records=n + unusable, rows=n, unusable=unusable,
            payload_bytes=300 * n, stream_bytes=300 * n, gap_possible=gap,
            quarantine=self._quarantine(name, unusable),
        )  # fmt: skip
        table = scored_table(domain, events, positions, DEFAULT)
        self.lake.objects[name.key] = encode_object(table, footer)
        return name.key

    def _quarantine(self, name: RangeName, unusable: int) -> str | None:
        if not unusable:
            return None
        lines = b'{"reason":"bad","data":"eA=="}\n' * unusable
        key = name.quarantine_key(hashlib.sha256(lines).hexdigest()[:16])
        self.lake.objects[key] = lines
        return key

    @staticmethod
    def _event(domain: Domain, cells: Row, source: str | None, row: int) -> Event:
        event = event_from_cells(domain, cells)
        if source is not None:
            event.event_source, event.event_row = source, row
        return event


class Api:
    """A small ASGI client over a service that is polled by hand."""

    def __init__(
        self,
        lake: MemoryLake,
        slice_seconds: float = 60.0,
        *,
        from_states: bool = True,
        live: LiveSource | None = None,
    ) -> None:
        self.now = ARRIVAL / 1000 + 5
        follower = Follower(
            lake, DEFAULT, lambda: self.now, slice_seconds=slice_seconds, from_states=from_states,
            live=live,
        )  # fmt: skip
        self.service = LakeService(follower, DEFAULT, 1.0)
        self._app = make_app(self.service)

    def poll(self) -> Api:
        self.service.refresh()
        return self

    def get(
        self, path: str, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], Any]:
        target, _, query = path.partition("?")
        return self._ask(target, query, headers or {})

    def _ask(
        self, target: str, query: str, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], Any]:
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
            "path": target, "raw_path": target.encode(), "query_string": query.encode(),
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
            "scheme": "http", "server": ("test", 80), "client": ("test", 1), "root_path": "",
        }  # fmt: skip
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self._app(scope, receive, send))
        given = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
        body = b"".join(message.get("body", b"") for message in sent[1:])
        is_json = "json" in given.get("content-type", "")
        return sent[0]["status"], given, json.loads(body) if is_json and body else body.decode()

    def ok_at(self, target: str) -> Any:
        """The answer at a path as it is once decoded, without a query."""
        status, _, body = self._ask(target, "", {})
        assert status == 200, (status, body)
        return body

    def ok(self, path: str) -> Any:
        status, _, body = self.get(path)
        assert status == 200, (status, body)
        return body


def filled(readings: list[Row], purchases: list[Row], pieces: int = 3) -> Builder:
    builder = Builder()
    for domain, rows in ((Domain.MANUFACTURING, readings), (Domain.ECOMMERCE, purchases)):
        size = -(-len(rows) // pieces)
        for piece in range(pieces):
            at = piece * size
            builder.add(domain, rows[at : at + size], shard=piece % 2, first_row=at)
    return builder
