"""Row 10: the machine under the processor fails it: its disk is full, its clock goes back."""

from __future__ import annotations

import os
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
CLOCK_CACHE_SECONDS: Final = 1
_FAKETIME: Final = (
    Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"),
    Path("/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"),
    Path("/usr/lib/faketime/libfaketimeMT.so.1"),
)


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
    """State directory, TMPDIR and Java's temporary files lie on a disk that is full for a while.

    The processor is killed while it is, and has to start there.
    """
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


def missing_faketime() -> str | None:
    """Return why no clock can be set back for one process alone, or None."""
    return None if _library() else "libfaketime is missing (Debian: apt-get install libfaketime)"


def _library() -> Path | None:
    return next((path for path in _FAKETIME if path.exists()), None)


def clock_set_back(scene: Scene) -> None:
    """The clock of JVM and children goes back an hour while they run, and they restart with it."""
    offset = scene.directory / "clock"
    offset.write_text("+0\n")
    worker = scene.worker(
        "w1",
        LD_PRELOAD=str(_library()),
        FAKETIME_TIMESTAMP_FILE=str(offset),
        FAKETIME_CACHE_DURATION=str(CLOCK_CACHE_SECONDS),
        # CLOCK_MONOTONIC and CLOCK_BOOTTIME go on, as they do where a clock is set.
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )
    scene.feed(30)
    scene.flowing()
    scene.moment(0.2, 3.0)
    offset.write_text("-1h\n")
    scene.fault_over()
    scene.moment(3.0, 5.0)
    scene.recovered()
    worker.kill_all()
    scene.fault_over()
    scene.recovered()
    offset.write_text("+0\n")
    scene.moment(2.0, 4.0)
