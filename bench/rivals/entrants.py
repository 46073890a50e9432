"""Who takes part, each with the best settings its own documents name.

A file every 25,000 rows or second, zstd, as many records a read as Kinesis gives; the lake with its
defaults in all but the first.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.rivals.contest import MAX_AGE_SECONDS, MAX_ROWS, ROOT, Rival
from bench.rivals.stream import BUCKET, STREAM
from lake_core.wire import Packing

HERE: Final = Path(__file__).resolve().parent
PYTHON: Final = ROOT / ".venvs/rivals/bin/python"
GO_PROGRAM: Final = ROOT / ".venvs/rivals-go/benthos"
_SIZES: Final = {
    "RIVAL_STREAM": STREAM, "RIVAL_BUCKET": BUCKET, "RIVAL_MAX_ROWS": str(MAX_ROWS),
    "RIVAL_MAX_AGE_SECONDS": str(MAX_AGE_SECONDS),
}  # fmt: skip


class CannotBeHadError(Exception):
    """Why a rival does not take part on this machine."""


def _lake(name: str, packing: Packing) -> Rival:
    settings = {
        "PROCESSOR_STREAM": STREAM, "PROCESSOR_BUCKET": BUCKET, "PROCESSOR_WORKER_ID": "w",
        "PROCESSOR_STATE_DIRECTORY": "{directory}", "PROCESSOR_JAVA": os.environ["PROCESSOR_JAVA"],
        "PROCESSOR_MAX_AGE_SECONDS": str(MAX_AGE_SECONDS), "PROCESSOR_MAX_ROWS": str(MAX_ROWS),
    }  # fmt: skip
    return Rival(name, [sys.executable, "-m", "processor", "run"], settings, packing)


def _benthos() -> Rival:
    """Build it; Go has refused its Parquet library's use of the runtime's own names since 1.23."""
    go = shutil.which("go")
    if go is None:
        raise CannotBeHadError("no Go toolchain")
    GO_PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    built = subprocess.run(
        [go, "build", "-trimpath", "-ldflags=-s -w -checklinkname=0", "-o", str(GO_PROGRAM), "."],
        cwd=HERE / "benthos", capture_output=True, text=True, check=False,
    )  # fmt: skip
    if built.returncode:
        raise CannotBeHadError(f"go build: {(built.stderr.splitlines() or ['no word'])[-1]}")
    command = [str(GO_PROGRAM), "-c", str(HERE / "benthos/benthos.yaml")]
    return Rival("Benthos 4.27", command, _SIZES)


def _tenzir() -> Rival:
    program = PYTHON.parent / "tenzir"
    if not program.exists():
        raise CannotBeHadError("environment `rivals` could not be installed")
    pipeline = (HERE / "tenzir.tql").read_text(encoding="utf-8")
    return Rival("Tenzir 6.20", [str(program), pipeline], _SIZES)


def _python(name: str, module: str) -> Rival:
    if not PYTHON.exists():
        raise CannotBeHadError("environment `rivals` could not be installed")
    return Rival(name, [str(PYTHON), str(HERE / f"{module}.py")], _SIZES)


ENTRANTS: Final[dict[str, Callable[[], Rival]]] = {
    "lake, JSON": lambda: _lake("lake, JSON", Packing.NONE),
    "lake, arrow-zstd": lambda: _lake("lake, arrow-zstd", Packing.ARROW_ZSTD),
    "Benthos 4.27": _benthos,
    "Tenzir 6.20": _tenzir,
    "boto3 + json + pandas": lambda: _python("boto3 + json + pandas", "boto3_consumer"),
    "async-kinesis + json + pandas": lambda: _python(
        "async-kinesis + json + pandas", "async_kinesis_consumer"
    ),
}
