"""Waiting for processes to end; a wait that is in vain is ended by the test's time limit."""

from collections.abc import Iterable

import psutil


def wait_until_ended(processes: Iterable[psutil.Process]) -> None:
    """What only waits for init to collect it has ended."""
    waited_for = list(processes)
    while not all(map(has_ended, waited_for)):
        psutil.wait_procs(waited_for, timeout=0.02)


def has_ended(process: psutil.Process) -> bool:
    """Whether it does nothing any more."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def with_ids(*pids: int) -> list[psutil.Process]:
    """Those of them that are there."""
    return [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
