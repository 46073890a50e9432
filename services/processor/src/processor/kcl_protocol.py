"""The MultiLangDaemon's protocol: one JSON message a line, on stdin and stdout.

Nobody else may write to stdout: one stray `print` corrupts the protocol.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from lake_core.errors import LakeError

_READ_BYTES: Final = 1 << 20
TRIM_HORIZON: Final = "TRIM_HORIZON"
# What KCL answers when the lease is gone or another task wants it: `leaseLost` follows.
_LEASE_GONE: Final = frozenset({"ShutdownException", "LeaseLostException"})
# DynamoDB is busy or away: the next checkpoint covers this one.
_PASSING: Final = frozenset(
    {
        "ThrottlingException",
        "KinesisClientLibDependencyException",
        "KinesisClientLibRetryableException",
    }
)


class UserRecord(msgspec.Struct, gc=False):
    """A record as KCL delivers it; `data` is decoded from base64."""

    data: bytes
    partitionKey: str  # noqa: N815 - the protocol's own names
    sequenceNumber: str  # noqa: N815
    approximateArrivalTimestamp: int  # noqa: N815 - milliseconds since 1970 UTC
    subSequenceNumber: int | None = None  # noqa: N815


class Initialize(msgspec.Struct, tag_field="action", tag="initialize"):
    """First message of a shard: where reading begins."""

    shardId: str  # noqa: N815
    sequenceNumber: str | None = None  # noqa: N815

    @property
    def position(self) -> str | None:
        """The checkpoint, or None at the trim horizon."""
        sequence = self.sequenceNumber
        return sequence if sequence and sequence.isdecimal() else None


class ProcessRecords(msgspec.Struct, tag_field="action", tag="processRecords"):
    """Records in the order of the shard; may be none."""

    records: list[UserRecord]
    millisBehindLatest: int | None = None  # noqa: N815


class LeaseLost(msgspec.Struct, tag_field="action", tag="leaseLost"):
    """Another worker owns the shard."""


class ShardEnded(msgspec.Struct, tag_field="action", tag="shardEnded"):
    """Every record of the shard has been delivered. KCL demands a checkpoint now."""


class ShutdownRequested(msgspec.Struct, tag_field="action", tag="shutdownRequested"):
    """The daemon is asked to stop: flush, checkpoint, answer."""


class CheckpointAnswer(msgspec.Struct, tag_field="action", tag="checkpoint"):
    """The answer to our checkpoint; `error` is the name of a Java exception."""

    error: str | None = None


Message = (
    Initialize | ProcessRecords | LeaseLost | ShardEnded | ShutdownRequested | CheckpointAnswer
)
_decoder: Final[msgspec.json.Decoder[Message]] = msgspec.json.Decoder(Message)
_encoder: Final = msgspec.json.Encoder()


class ProtocolError(LakeError):
    """The daemon said something that is not in the protocol. The process must end."""


class Daemon:
    """The daemon's side of the pipes."""

    def __init__(self, read_descriptor: int, write_descriptor: int) -> None:
        self._read = read_descriptor
        self._write = write_descriptor
        self._lines: list[bytes] = []
        self._rest = bytearray()

    def messages(self, patience: Callable[[], float]) -> Iterator[Message | None]:
        """Yield each message; None when none came for so many seconds, asked for each time.

        Ends when the daemon is gone.
        """
        while True:
            if not self._lines and not _readable(self._read, patience()):
                yield None
                continue
            line = self._line()
            if line is None:
                return
            if line.strip():
                yield decode_message(line)

    def acknowledge(self, message: Message) -> None:
        """Tell the daemon that a message has been handled."""
        self._send({"action": "status", "responseFor": str(message.__struct_config__.tag)})

    def checkpoint(self, sequence: str | None) -> bool:
        """Checkpoint at an explicit record; None only at the end of a shard.

        Only between receiving a message and acknowledging it. False: the daemon could not, and a
        later checkpoint will do.

        Raises:
            ProtocolError: an answer that leaves no way to go on.
        """
        self._send({"action": "checkpoint", "sequenceNumber": sequence, "subSequenceNumber": None})
        line = self._line()
        answer = decode_message(line) if line is not None else None
        if not isinstance(answer, CheckpointAnswer):
            raise ProtocolError(f"no answer to a checkpoint at {sequence}: {answer}")
        if answer.error is None:
            return True
        if answer.error in _LEASE_GONE | _PASSING:
            return False
        raise ProtocolError(f"checkpoint at {sequence} failed: {answer.error}")

    def _line(self) -> bytes | None:
        while not self._lines:
            chunk = os.read(self._read, _READ_BYTES)
            if not chunk:
                return None
            # Search the new bytes only: a line may be 14 MB long and come in pieces of 64 KB.
            if b"\n" not in chunk:
                self._rest += chunk
                continue
            *whole, rest = chunk.split(b"\n")
            whole[0] = bytes(self._rest + whole[0])
            self._rest = bytearray(rest)
            self._lines = whole
        return self._lines.pop(0)

    def _send(self, message: dict[str, str | None]) -> None:
        # The daemon skips empty lines; starting with one ends whatever stood before.
        data = memoryview(b"\n" + _encoder.encode(message) + b"\n")
        while data:
            data = data[os.write(self._write, data) :]


def _readable(descriptor: int, seconds: float) -> bool:
    return bool(select.select([descriptor], [], [], seconds)[0])


def decode_message(line: bytes) -> Message:
    """Read a message of the daemon.

    Raises:
        ProtocolError: it is none.
    """
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProtocolError(f"not a message of the protocol: {line[:200]!r}: {error}") from error
