"""Where a replay stands: an object under `state/`, written by conditional puts only.

All rows before the cursor are on the stream. A claim says who moves it, and until when; an expired
claim may be taken over. A crash between putting rows and moving the cursor leads to rows put twice
(their identity tells), never to rows left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from lake_core.errors import InputError, LeaseLost

# Renewed about once a second, whatever the stream does: only a process that is dead or hangs lets
# its claim expire. What was killed can be resumed so much later.
CLAIM_SECONDS: Final = 30.0
RESTART_TRIES: Final = 5  # the one that is at work may write in between


class Position(msgspec.Struct, frozen=True):
    """A place in a replay: every row before it has been sent."""

    lap: int = 0
    row: int = 0


class State(msgspec.Struct, frozen=True):
    """The content of the cursor object."""

    file: str
    digest: str
    position: Position
    owner: str | None = None
    until: float = 0.0  # seconds since 1970


class ObjectStore(Protocol):
    """The bucket, as far as a cursor needs it. Versions are opaque."""

    def read(self, key: str) -> tuple[bytes, str] | None:
        """Return content and version of an object; None if there is none."""
        ...

    def write(self, key: str, body: bytes, version: str | None) -> str | None:
        """Write over exactly that version (None: where there is none); None if it is not there.

        Raises:
            TransientError: no answer, or a refusal that may pass; it may have been written.
        """
        ...


class ClaimHeld(InputError):  # noqa: N818 - what is the case
    """Another replay of the stream is at work."""


class Cursor:
    """The cursor of one stream, as this process owns it."""

    def __init__(
        self, store: ObjectStore, key: str, owner: str, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._key = key
        self._owner = owner  # unique to this process
        self._clock = clock
        self._version: str | None = None
        self._state: State | None = None

    def claim(self, file: str, digest: str) -> Position:
        """Claim the cursor and return where it stands; the beginning for another file.

        Raises:
            ClaimHeld: somebody else's claim has not expired.
        """
        found = self._load()
        if found is not None and found.owner != self._owner and found.until > self._clock():
            raise ClaimHeld(
                f"{found.owner} is replaying {found.file} to this stream; its claim on "
                f"{self._key} ends in {found.until - self._clock():.0f} s. Stop it, or wait until "
                "then if it is gone"
            )
        same = found is not None and (found.file, found.digest) == (file, digest)
        position = found.position if found is not None and same else Position()
        self._state = State(file, digest, position)
        try:
            self.save(position)
        except LeaseLost:
            raise ClaimHeld(f"another replay claimed {self._key} at the same moment") from None
        return position

    def restart(self, file: str, digest: str, position: Position) -> None:
        """Take the cursor whoever has it, and set it anew; the replay that had it ends.

        Raises:
            LeaseLost: others take it again and again.
        """
        self._state = State(file, digest, position)
        for tries in range(1, RESTART_TRIES + 1):
            found = self._store.read(self._key)
            self._version = found[1] if found else None
            try:
                self.save(position)
            except LeaseLost:
                if tries == RESTART_TRIES:
                    raise
            else:
                return

    def save(self, position: Position, *, release: bool = False) -> None:
        """Move the cursor and renew the claim, or give it back.

        Raises:
            LeaseLost: somebody else has written it: the claim expired meanwhile.
        """
        if self._state is None:
            raise RuntimeError("save before claim")
        owner, until = (None, 0.0) if release else (self._owner, self._clock() + CLAIM_SECONDS)
        state = msgspec.structs.replace(self._state, position=position, owner=owner, until=until)
        body = msgspec.json.encode(state)
        version = self._store.write(self._key, body, self._version) or self._look(body)
        if version is None:
            raise LeaseLost(f"another replay has taken {self._key} over")
        self._version, self._state = version, state

    def _look(self, body: bytes) -> str | None:
        """Find out who wrote the cursor: ourselves, in a call whose outcome was not known?"""
        found = self._store.read(self._key)
        if found is None:
            return self._store.write(self._key, body, None)
        if found[0] == body:
            return found[1]
        try:
            owner = msgspec.json.decode(found[0], type=State).owner
        except msgspec.DecodeError:
            return None
        return self._store.write(self._key, body, found[1]) if owner == self._owner else None

    def _load(self) -> State | None:
        found = self._store.read(self._key)
        if found is None:
            self._version = None
            return None
        body, self._version = found
        try:
            return msgspec.json.decode(body, type=State)
        except msgspec.DecodeError as error:
            raise InputError(f"{self._key} is not a cursor: {error}; delete it") from error
