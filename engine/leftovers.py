"""What ended runs left: processes, their private folders, and Pulumi's logs."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from engine import delivery, orphans
from engine.turn import run_folder

if TYPE_CHECKING:
    from engine.home import Home

LOGS_KEPT = 20


@contextmanager
def private_folder(home: "Home") -> Iterator[Path]:
    """A folder for one run, gone afterwards; the supervisor removes it where tic can't any more."""
    folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=run_folder(home)))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(home: "Home") -> int:
    """End what lives of runs whose tic is gone and remove their folders, and all but the newest of Pulumi's
    logs. Returns how many processes were killed.
    """
    delivery.sweep(home, os.environ)
    killed = 0
    for folder in run_folder(home).glob("*-*"):
        if folder.is_dir() and orphans.is_abandoned(folder, time.time()):
            killed += orphans.end(folder)
            shutil.rmtree(folder, ignore_errors=True)
    logs = sorted((home.pulumi / "logs").glob("*"), key=lambda path: path.name, reverse=True)
    for log in logs[LOGS_KEPT:]:
        log.unlink(missing_ok=True)
    return killed
