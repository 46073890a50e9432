"""The quarantine objects that ranges name: are they there, whole, and what identities they hold."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from analytics_api.lake_reader import LakeReader
from lake_core.errors import UnreadableObject
from lake_core.footer import Footer


def quarantine_problem(lake: LakeReader, footer: Footer) -> str | None:
    """Return what is wrong with the quarantine object of a range, or None."""
    if footer.quarantine is None:
        return (
            f"{footer.unusable} unusable entries without a quarantine object"
            if footer.unusable
            else None
        )
    try:
        content = lake.read(footer.quarantine)
    except UnreadableObject as error:
        return str(error)
    if hashlib.sha256(content).hexdigest()[:16] not in footer.quarantine:
        return f"{footer.quarantine} has been altered: it does not match the hash in its name"
    if content.count(b"\n") != footer.unusable:
        return f"{footer.quarantine} does not hold the {footer.unusable} entries of its range"
    return None


def quarantined_rows(lines: bytes) -> Iterator[tuple[str, int]]:
    """Yield the identities of quarantined entries that still tell theirs."""
    for line in lines.splitlines():
        entry = _identity_of(line)
        source, row = entry.get("event_source"), entry.get("event_row")
        if isinstance(source, str) and isinstance(row, int):
            yield source, row


def _identity_of(line: bytes) -> dict[str, Any]:
    try:
        raw = base64.b64decode(msgspec.json.decode(line)["data"])
        entry = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, binascii.Error):
        return {}  # the entry is unusable because it is not even JSON
    return entry if isinstance(entry, dict) else {}
