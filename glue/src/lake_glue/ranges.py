"""The new ranges of a domain: follows every chain from the published position (I9).

Each range is read as a whole and its digest compared, so that Spark meets no damaged file. One
that cannot be read is set aside with its reason: the range after it says, by `after`, where it
ended, and the chain goes on there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Protocol

import pyarrow as pa
from msgspec import structs

from lake_core.chain import ChainReader, number
from lake_core.errors import UnreadableObject
from lake_core.footer import Footer
from lake_core.layout import Chain, RangeName, processed_prefix
from lake_core.names import Domain
from lake_core.parquet import read_object
from lake_core.published import Published, PublishedChain, SetAside, begin, recover, take

READERS: Final = 16  # objects read at once
READ_AHEAD: Final = 32  # ranges of a chain held before they are put in order


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What a listing says of an object."""

    key: str
    size: int  # bytes
    written_milliseconds: int  # since 1970 UTC, by the store's word


class LakeObjects(Protocol):
    """The objects of the lake.

    Raises of both methods:
        TransientError: the store cannot be read now.
    """

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Yield what is below a prefix, in the order of keys."""
        ...

    def read(self, key: str) -> bytes:
        """Return an object.

        Raises:
            UnreadableObject: this one cannot be read, others can.
        """
        ...


@dataclass(frozen=True, slots=True)
class NewRanges:
    """What a run is to add: keys of whole ranges, and what is published when they are in."""

    keys: tuple[str, ...]
    rows: Mapping[Chain, int]  # of those ranges, duplicates included
    published: Published
    unreadable: tuple[SetAside, ...]  # set aside, and those a chain waits at
    changed: bool  # whether there is anything to publish


@dataclass(slots=True)
class _Found:
    """A range that was listed, and what became of reading it."""

    stored: StoredObject
    footer: Footer | None = None
    table: pa.Table | None = None  # until it is taken
    reason: str | None = None


@dataclass(slots=True)
class _Chain:
    """One chain on its way from the published position to its end."""

    published: PublishedChain | None
    reader: ChainReader
    found: dict[RangeName, _Found] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)
    rows: int = 0
    set_aside: dict[str, str] = field(default_factory=dict)  # key → reason


def new_ranges(
    lake: LakeObjects,
    domain: Domain,
    published: Published,
    now_milliseconds: int,
    sink: Callable[[RangeName, pa.Table], None],
) -> NewRanges:
    """Return what has arrived since `published`; `sink` is given the rows of each range.

    Raises:
        TransientError: the store cannot be read now.
    """
    return _Search(lake, domain, published, now_milliseconds, sink).run()


class _Search:
    def __init__(
        self,
        lake: LakeObjects,
        domain: Domain,
        published: Published,
        now: int,
        sink: Callable[[RangeName, pa.Table], None],
    ) -> None:
        self._sink = sink
        self._lake = lake
        self._domain = domain
        self._now = now
        self._before = published
        self._chains = {
            one.chain(domain): _Chain(one, ChainReader(end=one.last)) for one in published.chains
        }
        self._aside = {one.key: one.reason for one in published.set_aside}

    def run(self) -> NewRanges:
        with ThreadPoolExecutor(READERS, thread_name_prefix="range") as pool:
            self._list()
            self._retry(pool)
            self._follow_all(pool)
            if any(self._next_behind_broken(chain) for chain in self._chains.values()):
                # A listing is no snapshot: what a jump would pass over is there by now.
                self._list()
                self._follow_all(pool)
                while sum(self._jump(chain) for chain in self._chains.values()):
                    self._follow_all(pool)
        return self._result()

    def _list(self) -> None:
        for stored in self._lake.list(processed_prefix(self._domain)):
            name = RangeName.parse(stored.key)
            if name is None:
                continue
            chain = self._chains.setdefault(name.chain, _Chain(None, ChainReader()))
            if name.first > number(chain.reader.end) and name not in chain.found:
                chain.found[name] = _Found(stored)
                chain.reader.offer(name, stored.written_milliseconds)
            elif stored.key in self._aside and name not in chain.found:
                chain.found[name] = _Found(stored)

    def _retry(self, pool: ThreadPoolExecutor) -> None:
        """Try what earlier runs set aside: a range that can be read now is added."""
        for chain in self._chains.values():
            again = [name for name, one in chain.found.items() if one.stored.key in self._aside]
            self._read(pool, chain, again)
            for name in again:
                one = chain.found[name]
                if one.footer is not None and chain.published is not None:
                    chain.published = recover(chain.published, one.footer, one.stored.size)
                    self._give(name, chain, one.footer)
                    del self._aside[one.stored.key]
                elif one.reason is not None:
                    self._aside[one.stored.key] = one.reason

    def _follow_all(self, pool: ThreadPoolExecutor) -> None:
        for name, chain in self._chains.items():
            self._follow(pool, name, chain)

    def _follow(self, pool: ThreadPoolExecutor, name: Chain, chain: _Chain) -> None:
        while True:
            wanted = [
                one for one in chain.reader.unread(READ_AHEAD) if chain.found[one].reason is None
            ]
            self._read(pool, chain, wanted)
            for one in wanted:
                footer = chain.found[one].footer
                if footer is not None:
                    chain.reader.read(one, footer)
            moved = False
            while (step := chain.reader.next(self._now)) is not None:
                self._take(name, chain, *step)
                moved = True
            if not moved and not wanted:
                return

    def _take(self, name: Chain, chain: _Chain, one: RangeName, footer: Footer) -> None:
        size = chain.found[one].stored.size
        chain.published = take(chain.published or begin(name, footer), footer, size)
        self._give(one, chain, footer)

    def _give(self, name: RangeName, chain: _Chain, footer: Footer) -> None:
        found = chain.found[name]
        chain.taken.append(found.stored.key)
        chain.rows += footer.rows
        if found.table is not None:
            self._sink(name, found.table)
        found.table = None

    def _read(self, pool: ThreadPoolExecutor, chain: _Chain, names: Iterable[RangeName]) -> None:
        wanted = list(names)
        for name, result in zip(wanted, pool.map(self._whole, wanted), strict=True):
            if isinstance(result, str):
                chain.found[name].reason = result
            else:
                chain.found[name].table, chain.found[name].footer = result

    def _whole(self, name: RangeName) -> tuple[pa.Table, Footer] | str:
        """Return rows and footer of a range that is whole, or why it is not."""
        try:
            table, footer = read_object(self._lake.read(name.key), name.key)
        except UnreadableObject as error:
            return str(error)
        said = Chain(footer.domain, footer.incarnation, footer.shard)
        if said != name.chain or number(footer.first) != name.first:
            return f"{name.key} holds another range: {said} from {footer.first}"
        return table, footer

    def _next_behind_broken(self, chain: _Chain) -> RangeName | None:
        """Return the range behind broken ones that the chain waits at, if that can be read."""
        waiting = sorted(
            (name for name in chain.found if name.first > number(chain.reader.end)),
            key=lambda name: name.first,
        )
        if not waiting or chain.found[waiting[0]].reason is None:
            return None
        behind = next((name for name in waiting if chain.found[name].footer is not None), None)
        if behind is None:
            return None
        footer = chain.found[behind].footer
        broken = [name for name in waiting if name.first < behind.first]
        after = number(footer.after) if footer else -1
        return behind if after >= broken[-1].first else None

    def _jump(self, chain: _Chain) -> bool:
        """Let a chain go on behind what cannot be read; whether there was such a place."""
        behind = self._next_behind_broken(chain)
        footer = chain.found[behind].footer if behind else None
        if behind is None or footer is None:
            return False
        for name, one in chain.found.items():
            if number(chain.reader.end) < name.first < behind.first and one.reason:
                chain.set_aside[one.stored.key] = one.reason
        chain.reader.end = footer.after
        return True

    def _result(self) -> NewRanges:
        aside = dict(self._aside)
        waiting: dict[str, str] = {}
        for chain in self._chains.values():
            aside |= chain.set_aside
            waiting |= {one.stored.key: one.reason for one in chain.found.values() if one.reason}
        published = Published(
            domain=self._domain,
            chains=tuple(
                self._with_gaps(chain)
                for _, chain in sorted(self._chains.items())
                if chain.published is not None
            ),
            set_aside=tuple(SetAside(key, reason) for key, reason in sorted(aside.items())),
        )
        return NewRanges(
            keys=tuple(key for chain in self._chains.values() for key in chain.taken),
            rows={name: chain.rows for name, chain in self._chains.items() if chain.taken},
            published=published,
            unreadable=tuple(
                SetAside(key, reason) for key, reason in sorted({**waiting, **aside}.items())
            ),
            changed=published != self._before,
        )

    @staticmethod
    def _with_gaps(chain: _Chain) -> PublishedChain:
        published = chain.published
        if published is None:  # pragma: no cover - asked before
            raise ValueError(chain)
        found = tuple(chain.reader.gaps)
        overlaps = tuple(key for key in chain.reader.overlaps if key not in chain.set_aside)
        return structs.replace(
            published,
            gaps=(*published.gaps, *found),
            overlaps=(*published.overlaps, *overlaps),
        )
