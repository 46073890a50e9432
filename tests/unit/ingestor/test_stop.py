"""A signal asks for a stop; a stop that hangs is ended."""

from __future__ import annotations

import os
import signal
import threading
import time

from ingestor.stop import StopSignal


def test_a_signal_sets_the_event_and_is_remembered() -> None:
    with StopSignal() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.event.wait(5)
        assert stop.number == signal.SIGTERM


def test_a_stop_that_hangs_is_given_up_with_the_signal_s_code() -> None:
    codes: list[int] = []
    given_up = threading.Event()

    def give_up(code: int) -> None:
        codes.append(code)
        given_up.set()

    with StopSignal(0.01, give_up):
        os.kill(os.getpid(), signal.SIGINT)
        assert given_up.wait(5)
    assert codes == [130]


def test_a_stop_in_good_order_is_not_given_up() -> None:
    codes: list[int] = []
    with StopSignal(0.1, codes.append):
        os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.2)
    assert codes == []
