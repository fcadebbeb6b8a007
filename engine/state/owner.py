"""Who runs an update, and whether that is over: a process by pid, start and host; a client by its address."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

CLIENT = 0  # in place of a process's id, which is never 0


@dataclass(frozen=True, slots=True)
class Owner:
    """A process; `started` tells it from a later one with the same pid, also after a reboot.

    With the pid CLIENT it is a Pulumi CLI that called the service from the address `host`.
    """

    pid: int
    host: str
    started: str

    @property
    def is_client(self) -> bool:
        """Whether only its silence tells that it has ended."""
        return self.pid == CLIENT

    def __str__(self) -> str:
        return f"a pulumi CLI at {self.host}" if self.is_client else f"process {self.pid} on {self.host}"


def this_process() -> Owner:
    """The process that asks."""
    pid = os.getpid()
    return Owner(pid, socket.gethostname(), started(pid) or "")


def client(address: str) -> Owner:
    """A Pulumi CLI somewhere else."""
    return Owner(CLIENT, address, "")


def is_gone(owner: Owner) -> bool:
    """Whether the process has surely ended; of clients and of another host's processes nothing is sure."""
    here = not owner.is_client and owner.host == socket.gethostname()
    return here and started(owner.pid) != owner.started


def started(pid: int) -> str | None:
    """What no two processes of a host share; None where there is no such process, or only its remains."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _started_elsewhere(pid)
    except ProcessLookupError:
        return None
    return (
        None if state in "ZX" else f"{boot}:{fields[18]}"
    )  # proc(5): field 22, in clock ticks since the boot


def _started_elsewhere(pid: int) -> str | None:
    """As `started`, for systems without /proc."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None
