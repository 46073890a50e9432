"""Compiles and checks the locks: hashed requirement files, one a member, that name no host.

    python requirements/lock.py lock     compile all with uv (needs the package registry)
    python requirements/lock.py check    fail if an input changed since (offline, instant)

A lock's first line carries a digest of its inputs' dependency lists; `check` compares that.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "requirements"
MEMBERS = {
    "core": "core",
    "ingestor": "services/ingestor",
    "processor": "services/processor",
    "analytics_api": "services/analytics_api",
    "local": "local",
    "glue": "glue",
}
# Apart from the others: the CDK's libraries pin what they like, and meet no other part at run time.
INFRA = "infra/pyproject.toml"
CORE = MEMBERS["core"]
# The environment with everything comes first: the others are compiled within its versions, so
# that what is tested together is what each part runs with.
INPUTS: dict[str, list[str]] = {
    "dev": [*(f"{path}/pyproject.toml" for path in MEMBERS.values()), "requirements/dev.in"],
    **{name: [f"{path}/pyproject.toml"] for name, path in MEMBERS.items()},
    "test": ["requirements/test.in"],
    "build": ["requirements/build.in"],
    "uv": ["requirements/uv.in"],
    "java": ["requirements/java.in"],
    "infra": [INFRA, "requirements/infra-tools.in", "requirements/test.in"],
    "checkov": ["requirements/checkov.in"],
    "bench": ["core/pyproject.toml", "requirements/bench.in"],
    "rivals": ["requirements/rivals.in"],
}
UNCONSTRAINED = {"dev", "build", "uv", "java", "checkov", "rivals"}
HEADER = "# inputs-sha256: "


def digest(inputs: list[str]) -> str:
    """Return a digest of what the inputs require; comments and other tables do not count."""
    wanted: list[object] = []
    for path in [*inputs, f"{CORE}/pyproject.toml"]:
        text = (ROOT / path).read_text(encoding="utf-8")
        if path.endswith(".toml"):
            project = tomllib.loads(text)["project"]
            keys = ("requires-python", "dependencies", "optional-dependencies")
            wanted.append({key: project.get(key) for key in keys})
        else:
            wanted.append([li for li in text.splitlines() if li and not li.startswith("#")])
    return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()


def compile_lock(name: str, inputs: list[str]) -> None:
    """Compile one lock; versions stay as they are unless an input asks otherwise or UPGRADE=1."""
    target = HERE / f"{name}.txt"
    command = [
        os.environ.get("UV", "uv"), "pip", "compile", *inputs, "--output-file", str(target),
        "--universal", "--python-version", "3.11", "--generate-hashes", "--no-header",
        "--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--quiet",
        "--no-emit-package", "lake-core",
    ]  # fmt: skip
    if any(path.endswith(".toml") for path in inputs):
        command.append("--all-extras")
    if name not in UNCONSTRAINED:
        command += ["--constraint", "requirements/dev.txt"]
    if os.environ.get("UPGRADE"):
        command.append("--upgrade")
    subprocess.run(command, cwd=ROOT, check=True)
    body = target.read_text(encoding="utf-8")
    lines = [
        line for line in body.splitlines() if not line.startswith((HEADER, "# via", "./", "file:"))
    ]
    target.write_text(f"{HEADER}{digest(inputs)}\n" + "\n".join(lines) + "\n", encoding="utf-8")


def stale() -> list[str]:
    """Return the names of locks that do not belong to their inputs."""
    names = []
    for name, inputs in INPUTS.items():
        target = HERE / f"{name}.txt"
        first = target.read_text(encoding="utf-8").split("\n", 1)[0] if target.exists() else ""
        if first != HEADER + digest(inputs):
            names.append(name)
    return names


def main(arguments: list[str]) -> int:
    """Run `lock` or `check`."""
    match arguments:
        case ["lock"]:
            for name, inputs in INPUTS.items():
                compile_lock(name, inputs)
            return 0
        case ["check"]:
            if names := stale():
                sys.stderr.write(f"stale locks: {', '.join(names)}. Run `make lock`.\n")
                return 1
            return 0
    sys.stderr.write(__doc__ or "")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
