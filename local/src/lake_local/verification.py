"""Asks the verifier about the lake of this checkout: the running one, or what the last one left."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import msgspec

from lake_core.errors import InputError
from lake_core.names import BUCKET
from lake_local import aws
from lake_local.directory import LakeDirectory
from lake_local.emulator import system_environment
from lake_local.http_client import HttpClient


class _RunFacts(msgspec.Struct):
    aws: str  # URL of the emulator


def verify(checkout: Path, directory: LakeDirectory, environment: Mapping[str, str]) -> int:
    """Run the verifier over every object and every row of `raw/`; return its exit code.

    Raises:
        InputError: there is no lake yet.
    """
    command = [
        str(checkout / ".venvs" / "analytics_api" / "bin" / "python"),
        *("-m", "analytics_api", "verify", "--raw"),
    ]
    settings = {**system_environment(environment), "ANALYTICS_API_BUCKET": BUCKET}
    endpoint = _running(directory)
    if endpoint:
        settings |= aws.credentials(endpoint)
    else:
        objects = directory.objects / BUCKET
        if not objects.is_dir():
            raise InputError(
                f"{objects} does not exist: there is no lake yet; `make run` makes one"
            )
        command += ["--directory", str(objects)]
    return subprocess.run(command, env=settings, check=False).returncode  # noqa: S603 - our own part


def _running(directory: LakeDirectory) -> str | None:
    """Return the emulator's URL if the lake is running."""
    try:
        facts = msgspec.json.decode(directory.run_facts.read_bytes(), type=_RunFacts)
    except FileNotFoundError:
        return None
    answers = HttpClient(facts.aws, timeout_seconds=1.0).get("/_ministack/health").ok
    return facts.aws if answers else None
