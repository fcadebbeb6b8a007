"""Which program may be run with a credential's authority: one that nobody else can replace."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from stacks.errors import StackError

_CORRECT = "correct the credential's path: tic creds rotate NAME"
MOST_LINKS = 40  # as many as the kernel follows (path_resolution(7))


class ProgramUnsafe(StackError):
    """A program is missing, is no program, or could be replaced by another user.

    `by_path`: what is to be corrected is the path that was given, and not what is there.
    """

    exit_code = 2

    def __init__(self, message: str, *, hint: str, by_path: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.by_path = by_path


def check(path: str) -> None:
    """Raise ProgramUnsafe unless `path` is absolute, executable, and only this user or root can change it.

    The folders above it count too, and so does each link on the way with the folders above that: who may
    write to a folder may replace what is in it. So nobody else can put another program there afterwards.
    """
    if not path.startswith("/"):
        raise ProgramUnsafe(
            f"the program {path!r} is not given by its absolute path",
            hint="give the whole path, beginning with /: tic creds rotate NAME",
            by_path=True,
        )
    try:
        for part, status in _passed(path):
            _check_kept(part, status, path)
        program = Path(path).stat()
    except (OSError, RuntimeError, ValueError) as error:
        raise ProgramUnsafe(
            f"the program {path!r} can't be found: {getattr(error, 'strerror', None) or error}",
            hint=_CORRECT,
            by_path=True,
        ) from error
    if stat.S_ISDIR(program.st_mode):
        raise ProgramUnsafe(f"{path} is a folder, and no program", hint=_CORRECT, by_path=True)
    if not stat.S_ISREG(program.st_mode):
        raise ProgramUnsafe(f"{path} is no file, and no program", hint=_CORRECT, by_path=True)
    if not os.access(path, os.X_OK):
        raise ProgramUnsafe(
            f"{path} is not an executable program",
            hint=f"make it one: chmod u+x {path}",
        )


def _passed(path: str) -> Iterator[tuple[Path, os.stat_result]]:
    """Everything that the kernel passes on the way to `path`, in that order: folders, links, the program."""
    here, links = Path("/"), 0
    yield here, here.lstat()
    left = list(reversed(Path(path).parts[1:]))
    while left:
        name = left.pop()
        if name == "..":
            here = here.parent
            yield here, here.lstat()
            continue
        part = here / name
        status = part.lstat()
        yield part, status
        if not stat.S_ISLNK(status.st_mode):
            here = part
            continue
        links += 1
        if links > MOST_LINKS:
            raise OSError(f"more than {MOST_LINKS} links lead to one another")
        target = part.readlink()
        here = Path("/") if target.is_absolute() else here
        left += reversed([each for each in target.parts if each != "/"])


def _check_kept(part: Path, status: os.stat_result, path: str) -> None:
    if status.st_uid not in {0, os.geteuid()}:
        raise ProgramUnsafe(
            f"the program {path} can be replaced by another user: {part} belongs to user {status.st_uid}",
            hint=f"move it below a folder of your own, or: chown -h {os.geteuid()} {part}",
        )
    # A link's own mode means nothing (symlink(7)); in a sticky folder only the owner replaces what is his.
    sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    writable = not stat.S_ISLNK(status.st_mode) and status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if writable and not sticky:
        raise ProgramUnsafe(
            f"the program {path} can be replaced by other users: {part} is writable by them "
            f"(mode {stat.S_IMODE(status.st_mode):04o})",
            hint=f"close it: chmod go-w {part}",
        )
