"""The AWS emulator of the local lake: ministack, bound to this machine alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lake_local.http_client import HttpClient
from lake_local.ports import HOST
from lake_local.processes import Program

NAME: Final = "emulator"
ACCOUNT: Final = "000000000000"  # ministack's, for any access key that is not an account number
GRACE_SECONDS: Final = 2.0


def program(port: int, directory: Path, system: Mapping[str, str]) -> Program:
    """Return how to start it; objects go to `directory`, all else is in memory."""
    temporary = directory / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    environment = {
        **system,
        "GATEWAY_PORT": str(port),
        "BIND_HOST": HOST,  # it listens on every interface otherwise
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(directory / "s3"),
        "STATE_DIR": str(directory / "state"),
        "TMPDIR": str(temporary),
        "LOG_LEVEL": "WARNING",
    }
    return Program(
        NAME,
        [sys.executable, "-m", "ministack"],
        environment,
        cure="start again; another port is chosen (LAKE_EMULATOR_PORT fixes one)",
        grace_seconds=GRACE_SECONDS,
    )


def stored_objects(directory: Path) -> Path:
    """Return where the emulator keeps its buckets."""
    return directory / "s3" / ACCOUNT


def answers(port: int) -> bool:
    """Say whether it is ready."""
    return HttpClient(endpoint(port), timeout_seconds=1.0).get("/_ministack/health").status == 200  # noqa: PLR2004


def endpoint(port: int) -> str:
    """Return the URL that takes the place of AWS."""
    return f"http://{HOST}:{port}"


def system_environment(inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what a part needs of this machine, and nothing that could configure it by chance."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SYSTEMROOT")
    return {name: inherited[name] for name in kept if name in inherited} | {"PYTHONUNBUFFERED": "1"}
