"""The cursor belongs to one replay at a time, and is never moved by two."""

from __future__ import annotations

import msgspec
import pytest

from ingestor.cursor import CLAIM_SECONDS, ClaimHeld, Cursor, Position, State
from lake_core.errors import InputError, LeaseLost, TransientError


class FakeStore:
    """One object with versions. `silent`: writes that happen and are not answered."""

    def __init__(self) -> None:
        self.body: bytes | None = None
        self.version = 0
        self.silent = 0

    def read(self, key: str) -> tuple[bytes, str] | None:
        return None if self.body is None else (self.body, str(self.version))

    def write(self, key: str, body: bytes, version: str | None) -> str | None:
        if version != (None if self.body is None else str(self.version)):
            return None
        self.body, self.version = body, self.version + 1
        if self.silent:
            self.silent -= 1
            raise TransientError("no answer")
        return str(self.version)

    @property
    def state(self) -> State:
        assert self.body is not None
        return msgspec.json.decode(self.body, type=State)


class FakeClock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def cursor(store: FakeStore, clock: FakeClock, owner: str = "a") -> Cursor:
    return Cursor(store, "state/c.json", owner, clock)


def test_a_new_cursor_stands_at_the_beginning(store: FakeStore, clock: FakeClock) -> None:
    assert cursor(store, clock).claim("m.csv", "d") == Position(0, 0)


def test_a_released_cursor_is_gone_on_with(store: FakeStore, clock: FakeClock) -> None:
    first = cursor(store, clock)
    first.claim("m.csv", "d")
    first.save(Position(1, 7), release=True)
    assert cursor(store, clock, "b").claim("m.csv", "d") == Position(1, 7)


def test_another_file_begins_anew(store: FakeStore, clock: FakeClock) -> None:
    first = cursor(store, clock)
    first.claim("m.csv", "d")
    first.save(Position(1, 7), release=True)
    assert cursor(store, clock, "b").claim("m.csv", "other") == Position(0, 0)


def test_a_claim_keeps_others_out_until_it_expires(store: FakeStore, clock: FakeClock) -> None:
    first = cursor(store, clock)
    first.claim("m.csv", "d")
    first.save(Position(0, 5))
    with pytest.raises(ClaimHeld, match=r"a is replaying m\.csv"):
        cursor(store, clock, "b").claim("m.csv", "d")
    clock.now += CLAIM_SECONDS + 1
    assert cursor(store, clock, "b").claim("m.csv", "d") == Position(0, 5)
    with pytest.raises(LeaseLost):
        first.save(Position(0, 9))
    assert store.state.position == Position(0, 5)


def test_saving_renews_the_claim(store: FakeStore, clock: FakeClock) -> None:
    first = cursor(store, clock)
    first.claim("m.csv", "d")
    for row in range(5):
        clock.now += CLAIM_SECONDS - 1
        first.save(Position(0, row))
    with pytest.raises(ClaimHeld):
        cursor(store, clock, "b").claim("m.csv", "d")


def test_of_two_that_claim_at_once_one_wins(store: FakeStore, clock: FakeClock) -> None:
    first, second = cursor(store, clock, "a"), cursor(store, clock, "b")
    read = store.read

    def read_then_lose(key: str) -> tuple[bytes, str] | None:
        found = read(key)
        store.read = read  # type: ignore[method-assign] # one race, then the plain store
        first.claim("m.csv", "d")
        return found

    store.read = read_then_lose  # type: ignore[method-assign] # see above
    with pytest.raises(ClaimHeld, match="at the same moment"):
        second.claim("m.csv", "d")
    assert store.state.owner == "a"


@pytest.mark.parametrize("release", [False, True])
def test_a_write_whose_outcome_was_not_known_is_recognised_as_ours(
    store: FakeStore, clock: FakeClock, release: bool
) -> None:
    first = cursor(store, clock)
    first.claim("m.csv", "d")
    store.silent = 1
    with pytest.raises(TransientError):
        first.save(Position(0, 5), release=release)
    first.save(Position(0, 5) if release else Position(0, 6), release=release)
    assert store.state.position.row >= 5


def test_a_restart_takes_the_cursor_from_whoever_has_it(store: FakeStore, clock: FakeClock) -> None:
    first = cursor(store, clock)
    first.claim("m.csv", "d")
    cursor(store, clock, "b").restart("m.csv", "d", Position(2, 0))
    assert (store.state.owner, store.state.position) == ("b", Position(2, 0))
    with pytest.raises(LeaseLost):
        first.save(Position(0, 1))


def test_something_else_under_the_key_is_named(store: FakeStore, clock: FakeClock) -> None:
    store.write("state/c.json", b"{]", None)
    with pytest.raises(InputError, match=r"state/c\.json is not a cursor.*delete it"):
        cursor(store, clock).claim("m.csv", "d")
