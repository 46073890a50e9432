"""Asks the verifier about the lake of this checkout: the running one, or what the last one left."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from lake_core.errors import InputError
from lake_core.names import BUCKET
from lake_local import aws
from lake_local.directory import LakeDirectory
from lake_local.emulator import system_environment
from lake_local.running import running_lake


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
    facts = running_lake(directory)
    if facts:
        settings |= aws.credentials(facts.aws)
    else:
        objects = directory.objects / BUCKET
        if not objects.is_dir():
            raise InputError(
                f"{objects} does not exist: there is no lake yet; `make run` makes one"
            )
        command += ["--directory", str(objects)]
    return subprocess.run(command, env=settings, check=False).returncode  # noqa: S603 - our own part
