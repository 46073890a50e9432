"""Finds the lake that runs in a directory."""

from __future__ import annotations

import msgspec

from lake_core.errors import InputError
from lake_local.directory import LakeDirectory
from lake_local.http_client import HttpClient


class RunFacts(msgspec.Struct):
    """What a run writes down of itself."""

    process: int
    api: str  # URL
    aws: str  # URL of the emulator


def running_lake(directory: LakeDirectory) -> RunFacts | None:
    """Return the facts of the lake that runs there; None where none does."""
    try:
        facts = msgspec.json.decode(directory.run_facts.read_bytes(), type=RunFacts)
    except FileNotFoundError:
        return None
    answers = HttpClient(facts.aws, timeout_seconds=1.0).get("/_ministack/health").ok
    return facts if answers else None


def require_running(directory: LakeDirectory) -> RunFacts:
    """Return the facts of the lake that runs there.

    Raises:
        InputError: none does.
    """
    facts = running_lake(directory)
    if facts is None:
        raise InputError(
            f"no lake is running in {directory.root}; start one: `make run` in another terminal"
        )
    return facts
