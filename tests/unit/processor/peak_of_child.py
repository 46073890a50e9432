"""A child's peak memory, in a process of its own: what KCL writes comes in, MiB go out.

    python peak_of_child.py child|parse < messages

`child` handles each line as a child does, with the defaults of `settings.py` and a lake that keeps
nothing; `parse` takes the records of each line apart and holds them. The peak is VmHWM, which
belongs to this memory alone: `ru_maxrss` is inherited over fork and exec, and address space
(RLIMIT_AS) holds what allocators reserve and never touch.
"""

from __future__ import annotations

import re
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from lake_core.names import Domain
from lake_core.rules import DEFAULT
from processor.chain import FlushPolicy
from processor.child import Child, ChildParts, Stream
from processor.kcl_protocol import Daemon, Initialize, ProcessRecords, decode_message
from processor.records import RecordParser

MOST_ADDRESSES: Final = 4 << 30  # a bomb that goes off ends this process, not the machine
ARRIVAL: Final = 1795459132361
_DEFAULTS: Final = FlushPolicy(max_rows=50_000, max_bytes=32 << 20, max_age_seconds=60.0)


class ForgettingStore:
    """A bucket in which nothing is and nothing stays."""

    def list_keys(self, prefix: str) -> list[str]:
        return []

    def read_tail(self, key: str, length: int) -> bytes | None:
        return None

    def read(self, key: str) -> bytes | None:
        return None

    def put(self, key: str, body: bytes) -> None:
        """Forget it."""

    def put_if_absent(self, key: str, body: bytes) -> bool:
        return True


class AgreeingDaemon(Daemon):
    """Agrees with every checkpoint."""

    def acknowledge(self, message: Any) -> None:
        """Hear it."""

    def checkpoint(self, sequence: str | None) -> bool:
        return True


def a_child(directory: Path) -> Child:
    stream = Stream(Domain.MANUFACTURING, "20261123T181500123Z", ARRIVAL - 1000, 24)
    parts = ChildParts(
        ForgettingStore(), stream, DEFAULT, _DEFAULTS, directory, live=None,
        clock=lambda: 0.0, wall_clock=lambda: ARRIVAL / 1000,
    )  # fmt: skip
    return Child(AgreeingDaemon(-1, -1), parts, Initialize("shardId-000000000000"))


def main() -> None:
    """Take what comes; say what it took."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_ADDRESSES, MOST_ADDRESSES))
    with tempfile.TemporaryDirectory() as directory:
        child, parser = a_child(Path(directory)), RecordParser(Domain.MANUFACTURING)
        for line in sys.stdin.buffer:
            message = decode_message(line)
            assert isinstance(message, ProcessRecords)
            if sys.argv[1] == "child":
                assert child.handle(message)
            else:
                list(parser.parse(message.records, 0.0))
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    sys.stdout.write(f"{int(found[1]) / 1024}\n")


if __name__ == "__main__":
    main()
