"""Waiting for something that another process does."""

import time
from collections.abc import Callable


def wait_for(happened: Callable[[], bool], seconds: float = 60) -> None:
    """Return as soon as `happened`; what takes too long is a failed test."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            raise AssertionError(f"did not happen in {seconds} s: {happened}")
        time.sleep(0.01)
