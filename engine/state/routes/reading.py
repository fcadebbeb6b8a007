"""What a caller may read of a stack that is not its own: the outputs, where somebody shared them (`sharing`).

A stack reference of a program reads the other stack with the run's own token.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from engine.state import sharing, stacks
from engine.state.routes.call import Call, Refused
from engine.state.stacks import ORG, Stack, StackMissing


@dataclass(frozen=True, slots=True)
class Readable:
    """A stack; unless `whole`, its outputs are all that may be told of it."""

    stack: Stack
    whole: bool


@dataclass(frozen=True, slots=True)
class _Reader:
    """For whom a caller reads: a stack, or any of a project (`stack` None)."""

    project: str
    stack: str | None
    what: str


def readable(call: Call, connection: Connection) -> Readable:
    """The stack in the path, as far as the caller may read it.

    A caller that is bound to other stacks learns by a refusal how to share it, and not whether it exists.
    """
    project, name = call.path["project"], call.path["stack"]
    if call.path["org"] != ORG:
        raise StackMissing(project, name)
    found = stacks.find(connection, project, name)
    if found is not None and call.admitted.may_see(found):
        return Readable(found, whole=True)
    reader = _reader(call, connection)
    if reader is None:
        raise StackMissing(project, name)
    if found is not None and sharing.may_read(found, reader.project, reader.stack):
        return Readable(found, whole=False)
    share = f"tic stack share {project}/{name} '{reader.project}/{reader.stack or '*'}'"
    raise Refused(
        403,
        f"{reader.what} may not read {project}/{name}, which is not shared with it\n"
        f"  next: if there is such a stack, let its outputs be read: {share}",
    )


def _reader(call: Call, connection: Connection) -> _Reader | None:
    """None: the stack in the path is within the caller's reach, so it would be seen if it were there."""
    access = call.admitted.access
    if access.stack_id is not None:
        own = stacks.get(connection, access.stack_id)
        return _Reader(own.project, own.name, f"a run of {own.full_name}")
    reach = access.reach
    if reach.project is None or reach.covers(call.path["project"], call.path["stack"]):
        return None
    return _Reader(reach.project, reach.stack, f"this access token ({reach.what})")
