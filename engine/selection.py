"""Which stack a command means: named, of the project in this folder, or the only one there is."""

from pathlib import Path
from typing import TYPE_CHECKING

from engine import project
from engine.errors import EngineError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.state.stacks import Stack


class StackUnknown(EngineError):
    """No stack, or more than one, answers to what was given."""

    exit_code = 4


def choose(connection: "Connection", reference: str | None, folder: Path) -> "Stack":
    """The stack that `reference` names (`stack` or `project/stack`); without one, the stack of the project in
    `folder`, or the only stack there is. Raises StackUnknown.
    """
    from engine.state import stacks

    known = stacks.list_all(connection)
    if reference is not None:
        found = [each for each in known if reference in (each.name, each.full_name)]
        what = f"stack {reference!r}"
    else:
        here = project.find(folder)
        found = [each for each in known if here is not None and each.folder == str(here.folder)] or known
        what = "stack"
    if len(found) == 1:
        return found[0]
    if not found:
        listed = f" (there are: {', '.join(each.full_name for each in known)})" if known else ""
        raise StackUnknown(
            f"there is no {what}{listed}",
            hint="make one: tic stack new NAME --template certificate, or see: tic stack list",
        )
    names = ", ".join(each.full_name for each in found)
    raise StackUnknown(
        f"more than one {what} is there: {names}", hint=f"name one, for example: {found[0].full_name}"
    )
