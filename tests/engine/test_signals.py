"""Signals are things that happened; afterwards they are what they were."""

import os
import signal

import pytest

from engine.signals import arriving

WANTED = (signal.SIGUSR1, signal.SIGUSR2)


def test_what_arrived_is_told_and_what_was_before_is_put_back() -> None:
    before = [signal.getsignal(number) for number in WANTED]
    with arriving(WANTED) as signals:
        assert signals.within(0) == set()
        for number in (*WANTED, signal.SIGUSR1):
            os.kill(os.getpid(), number)
        assert signals.within(30) == set(WANTED)
        assert signals.within(0) == set()
    assert [signal.getsignal(number) for number in WANTED] == before


def test_an_exception_puts_them_back_too() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with pytest.raises(LookupError), arriving(WANTED):
        raise LookupError
    assert signal.getsignal(signal.SIGUSR1) == before
