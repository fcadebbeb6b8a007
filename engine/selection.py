"""Which stack a command means: named, of the project in this folder, or the only one there is."""

from pathlib import Path
from typing import TYPE_CHECKING

from engine import project
from engine.errors import EngineError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.state.stacks import Stack


class StackUnknown(EngineError):
    """No stack answers to what was given."""

    exit_code = 4


class StackAmbiguous(StackUnknown):
    """More than one stack answers to what was given, or the one that does is another project's."""

    exit_code = 2


def choose(
    connection: "Connection", reference: str | None, folder: Path, *, destructive: bool = False
) -> "Stack":
    """The stack that `reference` names (`stack` or `project/stack`), or the only one there is.

    In a project's folder its own stacks come first. `destructive`: another project's stack is then taken only
    by its full name. Raises StackUnknown, StackAmbiguous.
    """
    from engine.state import stacks

    known = stacks.list_all(connection)
    here = project.find(folder)
    found = [each for each in known if reference in (None, each.name, each.full_name)]
    if reference is None or "/" not in reference:
        own = [each for each in found if here is not None and each.project == here.name]
        if not own and here is not None and destructive and found:
            raise StackAmbiguous(
                f"project {here.name} in {here.folder} has no stack{f' {reference!r}' if reference else ''}",
                hint=f"name another project's stack in full, for example: {found[0].full_name}",
            )
        found = own or found
    what = f"stack {reference!r}" if reference else "stack"
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(each.full_name for each in found)
        raise StackAmbiguous(
            f"more than one {what} is there: {names}",
            hint=f"name one in full, for example: {found[0].full_name}",
        )
    listed = f" (there are: {', '.join(each.full_name for each in known)})" if known else ""
    raise StackUnknown(
        f"there is no {what}{listed}",
        hint="make one: tic stack new NAME --template certificate, or see: tic stack list",
    )
