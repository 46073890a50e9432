"""The bucket, waited for by a thread that has something better to do than to wait.

One thread owns all state. A listing takes as long as the bucket likes, and what is live must not
wait for it: while other threads ask the bucket, this one looks ahead (`meanwhile`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Final, TypeVar

from analytics_api.lake_reader import LakeReader, StoredObject, Tagged

PAGE: Final = 1_000  # objects of a listing that are taken over at once, as S3 gives them
T = TypeVar("T")
Item = TypeVar("Item")
# Does what is due, and returns after how many seconds more will be; None: nothing will.
Meanwhile = Callable[[], float | None]


class PatientLake:
    """`LakeReader` for the thread that owns the state, and for no other."""

    def __init__(self, lake: LakeReader, pool: ThreadPoolExecutor) -> None:
        self.meanwhile: Meanwhile = lambda: None
        self._lake = lake
        self._pool = pool

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """See `LakeReader`."""
        objects = iter(self._lake.list(prefix, after))
        page = self._wait_for(self._pool.submit(_page, objects))
        while page:
            yield from page
            whole = len(page) == PAGE
            page = self._wait_for(self._pool.submit(_page, objects)) if whole else []

    def read(self, key: str) -> bytes:
        """See `LakeReader`."""
        return self._wait_for(self._pool.submit(self._lake.read, key))

    def read_other(self, key: str, etag: str | None) -> Tagged | None:
        """See `LakeReader`."""
        return self._wait_for(self._pool.submit(self._lake.read_other, key, etag))

    def each(self, read: Callable[[LakeReader, Item], T], items: Sequence[Item]) -> Iterator[T]:
        """Yield what `read` makes of each item, in their order; several are read at once."""
        futures = [self._pool.submit(read, self._lake, item) for item in items]
        for future in futures:
            yield self._wait_for(future)

    def _wait_for(self, future: Future[T]) -> T:
        while True:
            pause = self.meanwhile()
            if wait([future], pause).done:
                return future.result()


def _page(objects: Iterable[StoredObject]) -> list[StoredObject]:
    return list(islice(objects, PAGE))
