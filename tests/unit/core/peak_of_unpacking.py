"""Takes records apart, each in a process of its own; says what became of it and what it took.

    python peak_of_unpacking.py <domain>     base64 lines in, JSON lines out

The peak is VmHWM, which belongs to this memory alone: `ru_maxrss` is inherited over fork and exec,
and address space (RLIMIT_AS) holds what allocators reserve and never touch.
"""

from __future__ import annotations

import base64
import json
import os
import re
import resource
import sys
from pathlib import Path
from typing import Final

from lake_core.arrow_packed import unpack_rows
from lake_core.errors import PoisonRecord
from lake_core.names import Domain
from lake_core.packed import lines_of, unseal
from lake_core.parsing import parse_events
from lake_core.wire import Form

MOST_ADDRESSES: Final = 4 << 30  # a bomb that goes off ends its process, not the machine


def entries(domain: Domain, record: bytes) -> int:
    """Return how many entries a record has, made as the processor makes them."""
    header, payload = unseal(record)
    if header.form is Form.ARROW_ZSTD:
        unpacked = unpack_rows(domain, header, payload)
        return unpacked.rows.num_rows + len(unpacked.refused)
    events, refused = parse_events(domain, lines_of(header, bytes(payload)))
    return len(events) + len(refused)


def mebibytes(field: str) -> float:
    """Return VmRSS or VmHWM."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1024


def tell(told: str, peak: float) -> None:
    """Write a line."""
    sys.stdout.write(json.dumps({"told": told, "mebibytes": peak}) + "\n")
    sys.stdout.flush()


def look(domain: Domain, record: bytes) -> None:
    """Tell what became of a record, and what it took."""
    before = mebibytes("VmRSS")
    try:
        told = f"{entries(domain, record)} entries"
    except PoisonRecord as error:
        told = error.reason
    tell(told, mebibytes("VmHWM") - before)


def main() -> None:
    """Look at each record that comes."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_ADDRESSES, MOST_ADDRESSES))
    domain = Domain(sys.argv[1])
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            look(domain, base64.b64decode(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            tell(f"died: {status}", 1e9)


if __name__ == "__main__":
    main()
