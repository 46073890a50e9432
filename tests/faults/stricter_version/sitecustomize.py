"""On PYTHONPATH this makes a processor a stricter version: readings of machine 7 are poison."""

from __future__ import annotations

from lake_core import parsing
from lake_core.errors import PoisonRecord
from lake_core.events import Event, Reading
from lake_core.names import Domain

_today = parsing.parse_event


def _stricter(domain: Domain, raw: bytes | memoryview) -> Event:
    event = _today(domain, raw)
    if isinstance(event, Reading) and event.machine_id == 7:
        raise PoisonRecord("machine 7 is not trusted any more")
    return event


parsing.parse_event = _stricter
