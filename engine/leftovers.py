"""Files that ended runs left: their private folders, and Pulumi's logs."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from engine import delivery
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


def sweep(home: "Home") -> None:
    """Remove the folders of processes that are gone, and all but the newest of Pulumi's logs."""
    delivery.sweep(home, os.environ)
    for folder in run_folder(home).glob("*-*"):
        if folder.is_dir() and not Path(f"/proc/{folder.name.partition('-')[0]}").exists():
            shutil.rmtree(folder, ignore_errors=True)
    logs = sorted((home.pulumi / "logs").glob("*"), key=lambda path: path.name, reverse=True)
    for log in logs[LOGS_KEPT:]:
        log.unlink(missing_ok=True)
