"""Which program may be run with a credential's authority: one that nobody else can replace."""

import os
import stat
from pathlib import Path

from stacks.errors import StackError


class ProgramUnsafe(StackError):
    """A program is missing, is no program, or could be replaced by another user."""

    exit_code = 2


def check(path: str) -> None:
    """Raise ProgramUnsafe unless `path` is absolute, executable, and only this user or root can change it.

    The folders above it count too: who may write to a folder may replace what is in it.
    """
    if not path.startswith("/"):
        raise ProgramUnsafe(
            f"the program {path!r} is not given by its absolute path",
            hint="give the whole path, beginning with /: tic creds rotate NAME",
        )
    try:
        program = Path(path).resolve(strict=True)
        status = program.stat()
    except (OSError, RuntimeError, ValueError) as error:
        raise ProgramUnsafe(
            f"the program {path!r} can't be found: {getattr(error, 'strerror', None) or error}",
            hint="correct the credential's path: tic creds rotate NAME",
        ) from error
    if not stat.S_ISREG(status.st_mode) or not os.access(program, os.X_OK):
        raise ProgramUnsafe(
            f"{path} is not an executable program",
            hint=f"make it one: chmod u+x {path}",
        )
    for part in (program, *program.parents):
        _kept(part, path)


def _kept(part: Path, path: str) -> None:
    status = part.stat()
    if status.st_uid not in {0, os.geteuid()}:
        raise ProgramUnsafe(
            f"the program {path} can be replaced by another user: {part} belongs to user {status.st_uid}",
            hint=f"move it below a folder of your own, or: chown {os.geteuid()} {part}",
        )
    sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not sticky:
        raise ProgramUnsafe(
            f"the program {path} can be replaced by other users: {part} is writable by them "
            f"(mode {stat.S_IMODE(status.st_mode):04o})",
            hint=f"close it: chmod go-w {part}",
        )
