"""Row 10: the machine under the processor fails it: its disk is full, its clock goes back."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.faults.scene import Scene

DISK_BYTES: Final = 48 * 1024 * 1024  # room for what the JVM unpacks
FILL_SECONDS: Final = 0.05


# --- a full disk


def missing_mount() -> str | None:
    """Return why no small disk can be mounted here, or None."""
    if os.geteuid() != 0:
        return "a small disk to fill (tmpfs) needs root"
    with tempfile.TemporaryDirectory() as directory:
        if problem := _mount(Path(directory)):
            return problem
        _unmount(Path(directory))
    return None


def disk_full(scene: Scene) -> None:
    """The disk fills up under a processor that is then killed and starts again beside its files."""
    _disk_full(scene, restartable=True)


def disk_full_at_first_start(scene: Scene) -> None:
    """The same, and a processor that has no files there yet cannot start until there is room."""
    _disk_full(scene, restartable=False)


def _disk_full(scene: Scene, *, restartable: bool) -> None:
    # State directory, TMPDIR and Java's temporary files lie on the disk.
    disk = scene.directory / "disk"
    disk.mkdir()
    if problem := _mount(disk):
        raise OSError(problem)
    scene.on_close(lambda: _unmount(disk))
    (disk / "tmp").mkdir()
    worker = scene.worker(
        "w1", state=disk / "state", TMPDIR=str(disk / "tmp"),
        JAVA_TOOL_OPTIONS=f"-Djava.io.tmpdir={disk / 'tmp'}",
    )  # fmt: skip
    scene.feed(30)
    scene.flowing()
    scene.moment(0.2, 2.0)
    with _filled(disk):
        scene.moment(2.0, 5.0)
        worker.kill_all()
        if not restartable:
            shutil.rmtree(worker.state)
        scene.moment(8.0, 12.0)
    scene.fault_over()
    scene.recovered()


@contextmanager
def _filled(disk: Path) -> Iterator[None]:
    """Keep a disk full: whatever becomes free is taken at once."""
    filler, ending = disk / "filler", threading.Event()

    def fill() -> None:
        with filler.open("ab", buffering=0) as file:
            while not ending.is_set():
                try:
                    file.write(b"x" * 4096)
                except OSError:  # full, as it should be
                    ending.wait(FILL_SECONDS)

    thread = threading.Thread(target=fill, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
        filler.unlink()


def _mount(directory: Path) -> str | None:
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return None if done.returncode == 0 else f"no tmpfs can be mounted: {done.stderr.strip()}"


def _unmount(directory: Path) -> None:
    # Lazily: processes that still end there keep it until they have.
    subprocess.run(["umount", "--lazy", str(directory)], timeout=20, check=True)


# --- a clock set back


def missing_compiler() -> str | None:
    """Return why no clock can be set back for one process alone, or None."""
    return None if shutil.which("cc") else "a C compiler (cc) is needed to build clock_offset.c"


class Clock:
    """The wall clock of the processes that are started with its settings."""

    def __init__(self, directory: Path) -> None:
        self.library, self.offset = directory / "clock_offset.so", directory / "clock_offset"
        self.set_back(0)
        source = Path(__file__).with_name("clock_offset.c")
        command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(self.library), str(source)]
        subprocess.run(command, check=True, timeout=60)

    def set_back(self, seconds: int) -> None:
        """Be so far behind the machine's clock from now on."""
        # In place: the processes have it mapped.
        with self.offset.open("r+b" if self.offset.exists() else "wb") as file:
            file.write(struct.pack("=q", -seconds))


def clock_set_back(scene: Scene) -> None:
    """The clock of JVM and children goes back an hour while they run, and they restart with it."""
    clock = Clock(scene.directory)
    worker = scene.worker("w1", LD_PRELOAD=str(clock.library), CLOCK_OFFSET_FILE=str(clock.offset))
    scene.feed(30)
    scene.flowing()
    scene.moment(0.2, 3.0)
    clock.set_back(3600)
    scene.fault_over()
    scene.recovered()
    scene.moment(3.0, 5.0)
    worker.kill_all()
    scene.fault_over()
    scene.recovered()
    clock.set_back(0)
    scene.moment(2.0, 4.0)
