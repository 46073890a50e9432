"""One suite for every `LakeStore`: in memory as the unit tests use it, and S3 on the emulator."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.config import Config

from lake_core.errors import OutcomeUnknown, TransientError
from processor import s3_store
from processor.lake_store import LakeStore
from processor.s3_store import CLIENT_CONFIG, S3LakeStore


class MemoryLakeStore:
    """The reference: what a `LakeStore` means, in a dictionary."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def list_keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(prefix))

    def read_tail(self, key: str, length: int) -> bytes | None:
        body = self.objects.get(key)
        return None if body is None else body[-length:]

    def read(self, key: str) -> bytes | None:
        return self.objects.get(key)

    def put(self, key: str, body: bytes) -> None:
        self.objects[key] = body

    def put_if_absent(self, key: str, body: bytes) -> bool:
        with self._lock:
            if key in self.objects:
                return False
            self.objects[key] = body
            return True


@pytest.fixture(params=["memory", "emulator"])
def store(request: pytest.FixtureRequest) -> LakeStore:
    if request.param == "memory":
        return MemoryLakeStore()
    client = request.getfixturevalue("aws").client("s3", config=CLIENT_CONFIG)
    bucket = f"store-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=bucket)
    return S3LakeStore(client, bucket)


def test_what_was_put_is_read_back(store: LakeStore) -> None:
    store.put("a/b", b"0123456789")
    assert store.read("a/b") == b"0123456789"
    assert store.read_tail("a/b", 4) == b"6789"
    assert store.read_tail("a/b", 100) == b"0123456789"


def test_what_is_not_there_is_none(store: LakeStore) -> None:
    assert store.read("nowhere") is None
    assert store.read_tail("nowhere", 10) is None
    assert store.list_keys("nowhere/") == []


def test_a_conditional_put_never_overwrites(store: LakeStore) -> None:
    assert store.put_if_absent("k", b"first")
    assert not store.put_if_absent("k", b"second")
    assert store.read("k") == b"first"


def test_of_many_writers_at_once_exactly_one_wins(store: LakeStore) -> None:
    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(lambda i: store.put_if_absent("k", f"{i}".encode()), range(16)))
    assert won.count(True) == 1
    assert store.read("k") == f"{won.index(True)}".encode()


def test_keys_are_listed_in_order_beyond_one_page(store: LakeStore) -> None:
    keys = [f"p/{i:05d}" for i in range(1005)]
    for key in reversed(keys):
        store.put(key, b"")
    store.put("q/other", b"")
    assert store.list_keys("p/") == keys


def nobody_listens(aws: Any, now: list[float]) -> S3LakeStore:
    config = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})
    client = aws.client("s3", endpoint_url="http://127.0.0.1:9", config=config)

    def sleep(seconds: float) -> None:
        now[0] += seconds + 20

    return S3LakeStore(client, "b", sleep=sleep, clock=lambda: now[0])


def test_a_store_that_is_gone_is_given_up_at_the_deadline(aws: Any) -> None:
    now = [0.0]
    store = nobody_listens(aws, now)
    with pytest.raises(TransientError, match="gave up"):
        store.read("k")
    assert now[0] > s3_store.DEADLINE_SECONDS


def test_a_put_without_an_answer_is_unknown_until_the_deadline(aws: Any) -> None:
    now = [0.0]
    store = nobody_listens(aws, now)
    with pytest.raises(OutcomeUnknown):
        store.put_if_absent("k", b"")
    now[0] += s3_store.DEADLINE_SECONDS
    with pytest.raises(TransientError, match="gave up"):
        store.put_if_absent("k", b"")
