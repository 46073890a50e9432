"""One suite for every `LakeReader`: in memory, in a directory, and S3 on the emulator."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analytics_api.directory_lake import DirectoryLake
from analytics_api.lake_reader import LakeReader
from analytics_api.s3_lake import S3Lake
from lake_core.errors import InputError, TransientError, UnreadableObject
from tests.unit.analytics_api.lake_builder import MemoryLake

Put = Callable[[str, bytes], Any]


@pytest.fixture(params=["memory", "directory", "emulator"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[LakeReader, Put]:
    """A reader, and how to put something where it reads."""
    if request.param == "memory":
        memory = MemoryLake()
        return memory, memory.objects.__setitem__
    if request.param == "directory":

        def write(key: str, body: bytes) -> None:
            (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / key).write_bytes(body)

        return DirectoryLake(tmp_path), write
    client = request.getfixturevalue("aws").client("s3")
    bucket = f"reader-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=bucket)
    return (
        S3Lake(client, bucket),
        lambda key, body: client.put_object(Bucket=bucket, Key=key, Body=body),
    )


def test_objects_are_listed_in_order_with_their_sizes(lake: tuple[LakeReader, Put]) -> None:
    reader, put = lake
    for key in ("p/b", "p/a", "q/c", "p/aa/x"):
        put(key, key.encode())
    assert [(o.key, o.size) for o in reader.list("p/")] == [("p/a", 3), ("p/aa/x", 6), ("p/b", 3)]


def test_a_listing_begins_after_a_key_that_need_not_exist(lake: tuple[LakeReader, Put]) -> None:
    reader, put = lake
    for hour in range(5):
        put(f"p/hh=0{hour}/x", b"")
    assert [o.key for o in reader.list("p/", "p/hh=03/")] == ["p/hh=03/x", "p/hh=04/x"]
    assert [o.key for o in reader.list("p/", "p/hh=03/x")] == ["p/hh=04/x"]


def test_a_listing_goes_on_beyond_one_page(lake: tuple[LakeReader, Put]) -> None:
    reader, put = lake
    for number in range(1005):
        put(f"p/{number:05d}", b"")
    assert len(list(reader.list("p/"))) == 1005


def test_an_object_is_read_whole(lake: tuple[LakeReader, Put]) -> None:
    reader, put = lake
    put("p/a", b"\x00\xff" * 1000)
    assert reader.read("p/a") == b"\x00\xff" * 1000


def test_an_object_that_is_not_there_is_named(lake: tuple[LakeReader, Put]) -> None:
    with pytest.raises(UnreadableObject, match="p/nothing"):
        lake[0].read("p/nothing")


def test_a_bucket_that_does_not_answer_may_come_back(aws: Any) -> None:
    reader = S3Lake(aws.client("s3"), "no-such-bucket-anywhere")
    with pytest.raises(TransientError, match="no-such-bucket-anywhere"):
        list(reader.list("p/"))


def test_a_directory_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        DirectoryLake(tmp_path / "nowhere")
