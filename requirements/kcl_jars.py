"""Checks the KCL's jars against the SHA-256 list beside this file.

amazon-kclpy downloads them while it is built and does not verify them.

    python requirements/kcl_jars.py check VENV...    fail on a missing, extra or altered jar
    python requirements/kcl_jars.py list VENV        print the list (after an upgrade on purpose)
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

LIST = Path(__file__).resolve().parent / "kcl-jars.sha256"


def digests(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of every jar of a directory by its name."""
    jars = sorted(directory.glob("*.jar"))
    return {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in jars}


def read_list(text: str) -> dict[str, str]:
    """Read lines of `sha256sum`: digest, two spaces, name."""
    return {name: digest for digest, name in (line.split("  ", 1) for line in text.splitlines())}


def differences(wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    """Return a sentence for each jar that is not as listed."""
    problems = [f"{name} is missing" for name in wanted if name not in found]
    problems += [f"{name} is not on the list" for name in found if name not in wanted]
    problems += [
        f"{name} has SHA-256 {found[name]}, not {digest}"
        for name, digest in wanted.items()
        if name in found and found[name] != digest
    ]
    return sorted(problems)


def jar_directory(venv: Path) -> Path:
    """Return where amazon-kclpy keeps its jars in an environment."""
    return next(venv.glob("lib/python3*/site-packages/amazon_kclpy/jars"), venv / "no-amazon-kclpy")


def main(arguments: list[str]) -> int:
    """Run `check` or `list`."""
    match arguments:
        case ["check", *venvs] if venvs:
            wanted = read_list(LIST.read_text(encoding="utf-8"))
            problems = [
                f"{venv}: {problem}\n"
                for venv in venvs
                for problem in differences(wanted, digests(jar_directory(Path(venv))))
            ]
            if problems:
                cure = f"remove the environment and try again; the list is {LIST.name}\n"
                sys.stderr.write("KCL jars differ from the list:\n" + "".join(problems) + cure)
            return 1 if problems else 0
        case ["list", venv]:
            found = digests(jar_directory(Path(venv)))
            sys.stdout.write("".join(f"{digest}  {name}\n" for name, digest in found.items()))
            return 0
    sys.stderr.write(__doc__ or "")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
