"""What a Kinesis record of any form carries, as the plain JSON objects it stands for."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from lake_core.arrow_packed import unpack_rows
from lake_core.kpl import disaggregate, is_aggregate
from lake_core.names import Domain
from lake_core.packed import lines_of, unseal
from lake_core.schema import all_columns
from lake_core.wire import Form, is_packed


def plain_lines(domain: Domain, record: bytes) -> list[bytes]:
    """Return one JSON object an event; the record has no event that cannot be used."""
    if is_aggregate(record):
        return [user.data for user in disaggregate(record)]
    if not is_packed(record):
        return [record]
    header, payload = unseal(record)
    if header.form is Form.NDJSON_ZSTD:
        return lines_of(header, bytes(payload))
    unpacked = unpack_rows(domain, header, payload)
    assert not unpacked.refused
    keys = {column.name: column.key for column in all_columns(domain)}
    return [
        json.dumps({keys[name]: _value(name, value) for name, value in row.items()}).encode()
        for row in unpacked.rows.to_pylist()
    ]


def _value(name: str, value: Any) -> Any:
    if name == "timestamp":
        return str(value.replace(tzinfo=None))
    return value.isoformat() if isinstance(value, dt.date) else value
