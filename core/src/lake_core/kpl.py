"""Reference writer and reader of aggregates in the format of Amazon's Kinesis Producer Library.

Magic F3 89 9A C2, a protobuf message, its MD5 (16 bytes). The message, by field number:

    AggregatedRecord: 1 partition_key_table (text, repeated), 2 explicit_hash_key_table (text,
                      repeated), 3 records (Record, repeated)
    Record:           1 partition_key_index, 2 explicit_hash_key_index (optional), 3 data

Source: https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from lake_core.errors import PoisonRecord
from lake_core.wire import MAX_RECORD_BYTES

MAGIC: Final = b"\xf3\x89\x9a\xc2"
_DIGEST_BYTES: Final = 16
_KEYS, _HASH_KEYS, _RECORDS = 1, 2, 3  # fields of AggregatedRecord
_KEY_INDEX, _HASH_KEY_INDEX, _DATA = 1, 2, 3  # fields of Record
_NUMBER, _BYTES = 0, 2  # protobuf's wire types that occur
MAX_NUMBER_BYTES: Final = 10


@dataclass(frozen=True, slots=True)
class KplRecord:
    """A user record of an aggregate."""

    partition_key: str
    hash_key: str | None
    data: bytes


def aggregate(entries: Iterable[tuple[str, bytes]], hash_key: str) -> bytes:
    """Return an aggregate of (partition key, data), all on the shard of one explicit hash key.

    Every user record names that hash key. KCL drops a whole aggregate, silently, in which one
    user record belongs elsewhere; so none can, even if the shard is split before the put.

    Raises:
        ValueError: more than a Kinesis record may hold; send fewer.
    """
    beginnings: dict[str, bytes] = {}  # what records of a key have before the size of their data
    records: list[bytes] = []
    for key, data in entries:
        beginning = beginnings.get(key)
        if beginning is None:
            number = _number(_KEY_INDEX, len(beginnings))
            beginning = beginnings[key] = number + _number(_HASH_KEY_INDEX, 0) + _tag(_DATA, _BYTES)
        size = _varint(len(data))
        record_size = _varint(len(beginning) + len(size) + len(data))
        records += (_RECORD_TAG, record_size, beginning, size, data)
    keys = [_bytes(_KEYS, key.encode()) for key in beginnings]
    message = b"".join([*keys, _bytes(_HASH_KEYS, hash_key.encode()), *records])
    made = b"".join([MAGIC, message, _digest(message)])
    if len(made) > MAX_RECORD_BYTES:
        raise ValueError(f"an aggregate of {len(made)} bytes is over {MAX_RECORD_BYTES}")
    return made


def is_aggregate(record: bytes) -> bool:
    """Whether a Kinesis record is an aggregate, by its first bytes."""
    return record.startswith(MAGIC)


def disaggregate(record: bytes) -> list[KplRecord]:
    """Return the user records of an aggregate; KCL does this before the processor sees them.

    Raises:
        PoisonRecord: not an aggregate, or damaged.
    """
    message = record[len(MAGIC) : -_DIGEST_BYTES]
    if not is_aggregate(record) or _digest(message) != record[-_DIGEST_BYTES:]:
        raise PoisonRecord("kpl: not an aggregate, or its MD5 does not fit")
    keys: list[str] = []
    hash_keys: list[str] = []
    records: list[dict[int, int | bytes]] = []
    for field, value in _fields(message):
        if isinstance(value, int):
            continue
        if field == _RECORDS:
            records.append(dict(_fields(value)))
        elif field in (_KEYS, _HASH_KEYS):
            (keys if field == _KEYS else hash_keys).append(_text(value))
    return [_record(fields, keys, hash_keys) for fields in records]


def _record(fields: dict[int, int | bytes], keys: list[str], hash_keys: list[str]) -> KplRecord:
    key, hash_key, data = (fields.get(name) for name in (_KEY_INDEX, _HASH_KEY_INDEX, _DATA))
    try:
        if not isinstance(key, int) or not isinstance(data, bytes):
            raise PoisonRecord("kpl: a user record without key or data")
        return KplRecord(
            keys[key], hash_keys[hash_key] if isinstance(hash_key, int) else None, data
        )
    except IndexError as error:
        raise PoisonRecord("kpl: a user record names a key that is not in the table") from error


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise PoisonRecord("kpl: a key is not UTF-8") from error


def _digest(message: bytes) -> bytes:
    return hashlib.md5(message, usedforsecurity=False).digest()


def _tag(field: int, kind: int) -> bytes:
    return _varint(field << 3 | kind)


def _number(field: int, value: int) -> bytes:
    return _tag(field, _NUMBER) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _tag(field, _BYTES) + _varint(len(value)) + value


@lru_cache(maxsize=4096)  # sizes of events repeat
def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


_RECORD_TAG: Final = _tag(_RECORDS, _BYTES)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        value, at = _read_varint(message, at)
        if tag & 7 == _NUMBER:
            yield tag >> 3, value
            continue
        if tag & 7 != _BYTES or at + value > len(message):
            raise PoisonRecord("kpl: the message is broken")
        yield tag >> 3, message[at : at + value]
        at += value


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(message[at : at + MAX_NUMBER_BYTES]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:  # noqa: PLR2004 - the last byte of a number
            return value, at + place + 1
    raise PoisonRecord("kpl: the message is broken")
