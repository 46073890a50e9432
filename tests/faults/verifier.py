"""The product's own verifier, asked as a user does, beside the independent count."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from lake_local import emulator as ministack
from tests.faults.emulators import CREDENTIALS

SECONDS: Final = 120


def verify(bucket: str, port: int, sources: list[Path]) -> list[str]:
    """Return what `python -m analytics_api verify` says against a lake, and of replayed files."""
    environment = CREDENTIALS | {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": ministack.endpoint(port),
        "ANALYTICS_API_BUCKET": bucket,
    }
    options = [text for source in sources for text in ("--source", str(source))]
    done = subprocess.run(
        [sys.executable, "-m", "analytics_api", "verify", "--json", *options],
        env=environment, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    try:
        proof = json.loads(done.stdout)
    except json.JSONDecodeError:
        return [f"the verifier ended with code {done.returncode}: {done.stderr.strip()[-300:]}"]
    said = [f"verifier: {problem}" for shard in proof["shards"] for problem in shard["problems"]]
    said += [
        f"verifier: {lap['missing']} rows of {lap['event_source']} are missing"
        for lap in proof["sources"]
        if lap["missing"]
    ]
    if done.returncode != 0 and not said:
        said.append(f"verifier: not verified, code {done.returncode}")
    return said
