"""Signals are acted on where nothing is half done."""

from __future__ import annotations

import os
import signal

import pytest

from lake_local.interrupts import Interrupted, Interrupts


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_waits_for_the_next_check(number: int) -> None:
    before = signal.getsignal(number)
    with Interrupts() as interrupts:
        interrupts.check()
        send(number)
        with pytest.raises(Interrupted):
            interrupts.check()
        interrupts.check()  # it is told once
        assert not interrupts.again()
        send(number)
        assert interrupts.again()
    assert signal.getsignal(number) == before
