"""The lake's directory: one run at a time, new at every start, the one before kept aside once."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from lake_core.errors import InputError

# The data set in all its forms takes about 100 MB; a lake left running overnight, a few hundred.
MINIMUM_FREE_BYTES: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class LakeDirectory:
    """The places under `.lake/`."""

    root: Path

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def emulator(self) -> Path:
        return self.root / "emulator"

    @property
    def objects(self) -> Path:
        """The bucket's objects as plain files, `<bucket>/<key>`."""
        return self.root / "s3"

    @property
    def processors(self) -> Path:
        return self.root / "processors"

    @property
    def ingestor(self) -> Path:
        """The replays' metrics."""
        return self.root / "ingestor"

    @property
    def answers(self) -> Path:
        return self.root / "demo.json"

    @property
    def run_facts(self) -> Path:
        return self.root / "run.json"


def require_space(path: Path, minimum: int = MINIMUM_FREE_BYTES) -> None:
    """Refuse to start on a disk that is nearly full.

    Raises:
        InputError: says how much is free and how much is needed.
    """
    free = shutil.disk_usage(path).free
    if free < minimum:
        raise InputError(
            f"only {free / 1e9:.1f} GB are free on the disk of {path}, the lake wants "
            f"{minimum / 1e9:.0f} GB; free some (`make clean` removes the lakes of earlier runs)"
        )


def _lock(path: Path) -> int | None:
    """Lock a directory itself, so that no lock file can be left behind; None if it is taken."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _running_already(directory: LakeDirectory) -> InputError:
    facts: dict[str, Any] = {}
    with suppress(OSError, msgspec.DecodeError):
        facts = msgspec.json.decode(directory.run_facts.read_bytes(), type=dict[str, Any])
    who = f" (process {facts['process']}, API {facts['api']})" if facts else ""
    return InputError(
        f"a lake is running in {directory.root} already{who}; stop it first: Ctrl-C where it "
        f"runs{', or kill ' + str(facts['process']) if facts else ''}"
    )


@contextmanager
def new_lake(root: Path) -> Iterator[LakeDirectory]:
    """Make a new lake's directory and hold it; an earlier one becomes `<root>.previous`.

    Raises:
        InputError: another run holds it.
    """
    root = root.absolute()
    directory = LakeDirectory(root)
    root.mkdir(parents=True, exist_ok=True)
    old = _lock(root)
    if old is None:
        raise _running_already(directory)
    new: int | None = None
    try:
        if any(root.iterdir()):
            _set_aside(root)
            root.mkdir()
        new = _lock(root)
        if new is None and not _same(old, root):  # another start got in between
            raise _running_already(directory)
        for place in (directory.logs, directory.emulator, directory.objects):
            place.mkdir()
        yield directory
    finally:
        directory.run_facts.unlink(missing_ok=True)
        for handle in (old, new):
            if handle is not None:
                os.close(handle)


def _same(handle: int, path: Path) -> bool:
    return os.path.samestat(os.fstat(handle), path.stat())


def _set_aside(root: Path) -> None:
    previous = root.with_name(f"{root.name}.previous")
    shutil.rmtree(previous, ignore_errors=True)
    root.rename(previous)


def link_objects(stored: Path, objects: Path, suffix: str = ".meta.json") -> int:
    """Link every object the emulator stored into `objects`; return how many there are.

    The emulator keeps a sidecar beside each object, which a tool that reads a folder of Parquet
    files would stumble over. A link costs neither time nor space.
    """
    count = 0
    for folder, _, names in os.walk(stored):
        target = objects / Path(folder).relative_to(stored)
        for name in names:
            if name.endswith((suffix, ".tmp")):
                continue
            target.mkdir(parents=True, exist_ok=True)
            count += 1
            _link(Path(folder) / name, target / name)
    return count


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)  # an object that was replaced is another file
    try:
        target.hardlink_to(source)
    except OSError:  # a file system without links
        shutil.copyfile(source, target)
