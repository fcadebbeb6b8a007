"""Fields that name a file: a warning where the file is not there, or is a program that runs would refuse."""

from collections.abc import Mapping
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

from cli.telling import say

if TYPE_CHECKING:
    from credentials.kinds import Kind


def warn_of_files(kind: "Kind", given: Mapping[str, str]) -> None:
    """Say on stderr which of the fields given names a file that can't be used here now; it may come later, or
    the credential may be for runs on another machine.
    """
    for field in kind.fields:
        value = given.get(field.name, "")
        if not field.path or not value.startswith("/"):
            continue
        try:
            found = Path(value).stat()
        except OSError:  # also a folder on the way that may not be looked into
            say(f"warning: {field.name} names no file that is there now: {value!r}")
            continue
        if kind.dns == "exec":
            _warn_of_program(value)
        elif not S_ISREG(found.st_mode):
            say(f"warning: {field.name} names something that is no file: {value!r}")


def _warn_of_program(path: str) -> None:
    from stacks.dns.programs import ProgramUnsafe, check

    try:
        check(path)
    except ProgramUnsafe as error:
        say(f"warning: runs on this machine refuse it: {error}")
        say(f"  next: {error.hint}")
