"""A signal asks for a stop; a stop that hangs is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

from lake_core.stopping import StopSignal


def test_a_signal_sets_the_event_and_is_remembered() -> None:
    with StopSignal() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.event.wait(5)
        assert stop.number == signal.SIGTERM


def test_a_stop_that_hangs_is_overdue_and_says_by_which_signal() -> None:
    codes: list[int] = []
    given_up = threading.Event()

    def overdue(code: int) -> None:
        codes.append(code)
        given_up.set()

    with StopSignal(0.01, overdue):
        os.kill(os.getpid(), signal.SIGINT)
        assert given_up.wait(5)
    assert codes == [signal.SIGINT]


def test_a_stop_in_good_order_is_not_given_up() -> None:
    codes: list[int] = []
    with StopSignal(0.1, codes.append):
        os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.2)
    assert codes == []


def test_a_stop_without_grace_takes_any_number_of_signals() -> None:
    with StopSignal() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.event.wait(5)
        os.kill(os.getpid(), signal.SIGTERM)  # ends this process if it is not taken
        assert stop.number == signal.SIGTERM


ROUNDS = """
import os, signal, threading, time
from lake_core.stopping import StopSignal
for number in range(200):
    with StopSignal() as stop:
        after = threading.Timer(number % 10 / 10_000, os.kill, (os.getpid(), signal.SIGTERM))
        after.start()
        while not stop.event.wait(0):
            pass
        after.join()
print("all stopped")
"""


def test_a_signal_that_comes_while_the_event_is_waited_for_does_not_wait_for_itself() -> None:
    # Whoever sets the event in the handler hangs within a few rounds, in Event.wait's own lock.
    run = subprocess.run(
        [sys.executable, "-c", ROUNDS], capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout == "all stopped\n"
