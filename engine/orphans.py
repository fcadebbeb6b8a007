"""Processes of a run whose tic and whose supervisor were both killed: the next run finds and ends them.

All processes of a run share the session that its supervisor leads (setsid(2)), plugins included, and have
`TIC_RUN` in their environment: the run's private folder, whose name no other run has. A note in that folder
says which session it is. The number of a session may be given again once its last process is gone, so what
is found under it is the run's only where the leader is the one that was noted, or where a process says so
itself.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from engine.state.owner import Owner, is_gone, started, this_process

MARK: Final = "TIC_RUN"
NOTE: Final = "processes.json"
OWN_END_SECONDS: Final = 6.0
"""How long a supervisor may take to end what it started: its own grace, and time to spare."""
KILL_SECONDS: Final = 5.0
FOREIGN_SECONDS: Final = 86400.0
"""How long the folder of another host's run stays: of its processes nothing is sure here."""


@dataclass(frozen=True, slots=True)
class Note:
    """The tic of a run (`pid`, `host`, `started`), and the supervisor whose session its processes are in."""

    pid: int
    host: str
    started: str
    leader: int
    leader_started: str | None

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The note in a run's private folder; None where there is none, or none that can be read."""
        try:
            return cls(**json.loads((folder / NOTE).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    @property
    def owner(self) -> Owner:
        """The run's tic."""
        return Owner(self.pid, self.host, self.started)

    def leader_lives(self) -> bool:
        """Whether the supervisor is still there."""
        return started(self.leader) == self.leader_started

    def is_of(self, folder: Path) -> bool:
        """Whether the session that has the noted number now is this run's."""
        return self.leader_lives() or any(_says(pid, folder) for pid in session(self.leader))


def note(folder: Path, leader: int) -> None:
    """Note in a run's private folder that this process runs it, under the supervisor `leader`."""
    me = this_process()
    made = Note(me.pid, me.host, me.started, leader, started(leader))
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / NOTE).write_text(json.dumps(asdict(made)))


def is_abandoned(folder: Path, now: float) -> bool:
    """Whether the tic whose private folder this is has ended; without a note, its name has the process id."""
    noted = Note.read(folder)
    if noted is None:
        pid = folder.name.partition("-")[0]
        return not pid.isdigit() or started(int(pid)) is None
    if noted.host == this_process().host:
        return is_gone(noted.owner)
    with suppress(OSError):
        return now - folder.stat().st_mtime > FOREIGN_SECONDS
    return False


def end(folder: Path) -> int:
    """End what still lives of an abandoned run of this host; returns how many processes had to be killed.

    A supervisor that lives gets the time to end them itself.
    """
    noted = Note.read(folder)
    if noted is None or noted.host != this_process().host or not noted.is_of(folder):
        return 0
    until = time.monotonic() + OWN_END_SECONDS
    while noted.leader_lives() and time.monotonic() < until:
        time.sleep(0.02)
    return end_session(noted.leader)


def end_session(leader: int) -> int:
    """Kill every process of a session and wait until they are gone; returns how many there were."""
    killed: set[int] = set()
    until = time.monotonic() + KILL_SECONDS
    while (there := list(session(leader))) and time.monotonic() < until:
        for pid in there:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed.update(there)
        time.sleep(0.02)
    return len(killed)


def session(leader: int) -> Iterator[int]:
    """The living processes of the session that `leader` led, or leads."""
    for pid in _pids():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) == leader and started(pid) is not None:
                yield pid


def _pids() -> list[int]:
    proc = Path("/proc")
    if (proc / "self").exists():
        return [int(entry.name) for entry in proc.iterdir() if entry.name.isdigit()]
    import psutil

    return psutil.pids()


def _says(pid: int, folder: Path) -> bool:
    """Whether the process has this run's mark in its environment."""
    import psutil

    try:
        return psutil.Process(pid).environ().get(MARK) == str(folder)
    except (psutil.Error, OSError):
        return False
