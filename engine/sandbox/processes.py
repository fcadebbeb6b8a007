"""Starts a server that outlives tic, tells whether it still runs, and ends it and nothing else."""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.sandbox.files import ProcessRecord

START_TOLERANCE_SECONDS = 2.0
END_SECONDS = 5.0


def start(
    command: Sequence[str], *, folder: Path, log: Path, environment: Mapping[str, str]
) -> ProcessRecord:
    """Start `command` in `folder`, detached: a session of its own, no standard input, output to `log`."""
    import psutil

    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        pid = os.posix_spawn(
            "/bin/sh",  # only to enter the folder: the program takes the shell's place, and its process id
            ["sh", "-c", 'cd "$0" && exec "$@"', str(folder), *command],
            dict(environment),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(output)
    return ProcessRecord(pid, psutil.Process(pid).create_time())


def runs(record: ProcessRecord | None) -> bool:
    """Whether that very process runs: a later one with the same id is another."""
    import psutil

    if record is None:
        return False
    try:
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.started) < START_TOLERANCE_SECONDS
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end(record: ProcessRecord) -> bool:
    """End the process, gently first; False where it does not run any more."""
    import psutil

    if not runs(record):
        return False
    process = psutil.Process(record.pid)
    try:
        process.terminate()
        process.wait(END_SECONDS)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(END_SECONDS)
    except psutil.NoSuchProcess:
        pass  # it ended by itself just now
    return True


def pause() -> None:
    """Wait a moment between two looks at a server that is starting."""
    time.sleep(0.05)
