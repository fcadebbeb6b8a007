"""Where the files of a delivery are while they are read: private, in memory if that can be, gone afterwards.

A command's folder is held by a lock (flock(2)), which ends with its process, however that ends: `sweep`
removes what nobody holds. A run's files are in the run's own private folder, which the supervisor removes.
"""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from engine.turn import run_folder

if TYPE_CHECKING:
    from credentials.kinds.delivery import DeliveredFile
    from engine.home import Home

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - what is made there is a folder of mode 0700
_PREFIX = "command."  # no '-' in it: engine.leftovers takes what has one for a run's folder


def write(folder: Path, files: "Iterable[DeliveredFile]") -> dict[str, str]:
    """Write each file (0600) into a folder of its own (0700) in `folder`; returns the variables that name it.

    The paths depend on the variables alone, so the same files are at the same paths next time.
    """
    paths = {}
    for file in files:
        own = folder / file.env[0].lower()
        own.mkdir(mode=0o700)
        path = own / file.name
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:  # noqa: PTH123
            stream.write(file.content.reveal())
        paths.update(dict.fromkeys(file.env, str(own if file.folder else path)))
    return paths


@contextmanager
def command_folder(home: "Home", environ: Mapping[str, str]) -> Iterator[Path]:
    """A folder for one command's files, gone afterwards."""
    base = next(_bases(home, environ))
    with _sole(base):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(held, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def sweep(home: "Home", environ: Mapping[str, str]) -> None:
    """Remove the folders of commands whose tic is gone, though it could not remove them (kill -9)."""
    for base in _bases(home, environ):
        with _sole(base):
            for folder in base.glob(f"{_PREFIX}*"):
                with suppress(OSError):  # held by a living one, or no folder
                    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
                    try:
                        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        shutil.rmtree(folder)
                    finally:
                        os.close(held)


@contextmanager
def run_files(
    home: "Home", private: Path, stack_id: int, files: "Iterable[DeliveredFile]"
) -> Iterator[dict[str, str]]:
    """The files of one run in its folder `private`; yields the variables that name them.

    Their paths are the same in each run of a stack: Pulumi's Kubernetes provider keeps the path of its
    kubeconfig in the state, and reads the file at the old path in the next run to see what changed. So the
    paths lead through a link to the folder of a run of this stack that is under way, the youngest as a rule.
    """
    files = tuple(files)
    if not files:
        yield {}
        return
    own = private / f"files.{stack_id}"
    own.mkdir(mode=0o700)
    written = write(own, files)
    link = run_folder(home) / own.name
    _point(link, own)
    try:
        yield {name: str(link / Path(path).relative_to(own)) for name, path in written.items()}
    finally:
        shutil.rmtree(own, ignore_errors=True)
        other = next(run_folder(home).glob(f"*-*/{own.name}"), None)
        if other is not None:
            _point(link, other)
        else:
            link.unlink(missing_ok=True)


def _point(link: Path, target: Path) -> None:
    """Let `link` lead to `target`, without a moment in which it leads nowhere."""
    beside = target.parent / f"{target.name}.link"
    beside.symlink_to(target)
    beside.replace(link)


def _bases(home: "Home", environ: Mapping[str, str]) -> Iterator[Path]:
    """Folders for commands' folders, private to this user, the best one first: memory rather than a disk."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/") and _is_private(Path(runtime)):
        yield from _made(Path(runtime) / "tic")
    if SHARED_MEMORY.is_dir() and _in_memory(SHARED_MEMORY):
        yield from _made(SHARED_MEMORY / f"tic-{os.geteuid()}")
    yield run_folder(home)


def _made(folder: Path) -> Iterator[Path]:
    """`folder`, if it can be made, or is there and is private: somebody else may have been first."""
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        if _is_private(folder):
            yield folder


def _is_private(folder: Path) -> bool:
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


def _in_memory(folder: Path) -> bool:
    """Whether a tmpfs is mounted there (proc(5), /proc/PID/mounts)."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(line.split()[1:3] == [str(folder), "tmpfs"] for line in mounts.splitlines())


@contextmanager
def _sole(base: Path) -> Iterator[None]:
    """Be the only one who makes or removes folders in `base`: a new one is not swept before it is held."""
    held = os.open(base, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)
