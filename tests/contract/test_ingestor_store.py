"""One suite for the ingestor's bucket: in memory, and S3 on the emulator."""

from __future__ import annotations

import hashlib
import io
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ingestor.cursor import ClaimHeld, Cursor, Position
from ingestor.s3_bucket import CLIENT_CONFIG, S3Bucket


class MemoryBucket:
    """A bucket with versions, in a dictionary."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def read(self, key: str) -> tuple[bytes, str] | None:
        body = self.objects.get(key)
        return None if body is None else (body, hashlib.sha256(body).hexdigest())

    def write(self, key: str, body: bytes, version: str | None) -> str | None:
        found = self.read(key)
        if (found[1] if found else None) != version:
            return None
        self.objects[key] = body
        return hashlib.sha256(body).hexdigest()

    def get_lines(self, key: str) -> Any:
        found = self.objects.get(key)
        return found.splitlines() if found else ()

    def upload(self, key: str, file: Any) -> None:
        self.objects[key] = file.read()


def s3_bucket(aws: Any) -> S3Bucket:
    client = aws.client("s3", config=CLIENT_CONFIG)
    name = f"ingest-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=name)
    return S3Bucket(client, name)


@pytest.fixture(params=["memory", "emulator"])
def bucket(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryBucket()
    return s3_bucket(request.getfixturevalue("aws"))


def test_an_object_is_written_only_over_the_version_that_was_read(bucket: Any) -> None:
    assert bucket.read("k") is None
    first = bucket.write("k", b"1", None)
    assert first is not None
    assert bucket.write("k", b"other", None) is None
    second = bucket.write("k", b"2", first)
    assert bucket.write("k", b"late", first) is None
    assert bucket.read("k") == (b"2", second)


def test_of_many_claims_at_once_one_is_granted(aws: Any) -> None:
    bucket = s3_bucket(aws)

    def claim(number: int) -> bool:
        try:
            Cursor(bucket, "state/c.json", f"owner-{number}", lambda: 1000.0).claim("f", "d")
        except ClaimHeld:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(claim, range(8))).count(True) == 1


def test_a_cursor_goes_on_where_it_was_left(bucket: Any) -> None:
    one = Cursor(bucket, "state/c.json", "one", lambda: 1000.0)
    assert one.claim("f.csv", "0a") == Position()
    one.save(Position(1, 7))
    with pytest.raises(ClaimHeld, match="one"):
        Cursor(bucket, "state/c.json", "two", lambda: 1001.0).claim("f.csv", "0a")
    one.save(Position(1, 9), release=True)
    assert Cursor(bucket, "state/c.json", "two", lambda: 1001.0).claim("f.csv", "0a") == Position(
        1, 9
    )


def test_quarantine_lines_are_read_back(bucket: Any) -> None:
    assert [line for line in bucket.get_lines("q.jsonl") if line] == []
    bucket.upload("q.jsonl", io.BytesIO(b'{"row":1}\n{"row":2}\n'))
    assert [line for line in bucket.get_lines("q.jsonl") if line] == [b'{"row":1}', b'{"row":2}']
