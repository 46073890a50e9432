"""How a replay that does not stop is ended."""

from __future__ import annotations

import subprocess
import sys

HANGS = """
import os, signal, time
from ingestor import stop
stop.GRACE_SECONDS = {grace}
with stop.stop_signal() as asked:
    os.kill(os.getpid(), signal.{first})
    asked.event.wait(5)
    {then}
    time.sleep(30)
"""


def _ended(**hanging: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", HANGS.format(**hanging)],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip


def test_a_stop_that_hangs_is_given_up_with_the_signal_s_code() -> None:
    run = _ended(grace=0.05, first="SIGINT", then="pass")
    assert run.returncode == 130
    assert "--resume sends the rows since the last saved cursor again" in run.stderr


def test_a_second_signal_ends_at_once() -> None:
    run = _ended(grace=15, first="SIGTERM", then="os.kill(os.getpid(), signal.SIGTERM)")
    assert run.returncode == -15
