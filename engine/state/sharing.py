"""Whose runs may read a stack's outputs: said by a tag of the stack that is read, and by nobody else.

A run reads its own stack. What another stack exports, secrets among it, is none of its business until a
person shares that stack: with one stack, or with every stack of a project. The names follow a stack that is
renamed, and are dropped with one that is removed, so that no later stack of the same name inherits the right.
"""

import re
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import Connection, select, update

from engine.errors import EngineError
from engine.state.tables import STACK

if TYPE_CHECKING:
    from engine.state.stacks import Stack

TAG = "tic:readers"
LONGEST = 256  # characters of a tag's value; with a longer one, the CLI refuses every run of the stack
_READER = re.compile(r"[A-Za-z0-9_.-]{1,100}/(?:[A-Za-z0-9_.-]{1,100}|\*)")


class ReaderRefused(EngineError):
    """The stack can't be shared in this way."""

    exit_code = 2


class NotShared(ReaderRefused):
    """The stack is not shared with that one."""

    exit_code = 4


def readers(stack: "Stack") -> tuple[str, ...]:
    """Whom the stack is shared with, by name: `project/stack`, or `project/*` for all of a project."""
    return tuple(sorted(set(stack.tags.get(TAG, "").split())))


def may_read(source: "Stack", project: str, stack: str | None) -> bool:
    """Whether the outputs of `source` may be read for this stack, or for any of the project (None)."""
    asking = {f"{project}/*"} | ({f"{project}/{stack}"} if stack else set())
    return not asking.isdisjoint(readers(source))


def as_before(source: "Stack", tags: dict[str, str]) -> dict[str, str]:
    """The tags, with whom the stack is shared as it was: what a run sends decides nothing about that."""
    kept = {TAG: source.tags[TAG]} if TAG in source.tags else {}
    return {**{name: value for name, value in tags.items() if name != TAG}, **kept}


def share(connection: Connection, source: "Stack", reader: str) -> None:
    """Let the runs of `reader` read the outputs of `source`; raises ReaderRefused for what is no name."""
    if not _READER.fullmatch(reader):
        raise ReaderRefused(
            f"{reader!r} names no stack",
            hint=f"give PROJECT/STACK, or PROJECT/*: tic stack share {source.full_name} PROJECT/STACK",
        )
    names = {*readers(source), reader}
    if len(" ".join(names)) > LONGEST:
        project = reader.partition("/")[0]
        raise ReaderRefused(
            f"{source.full_name} is shared with as many stacks as a tag can name",
            hint=f"share it with all of a project: tic stack share {source.full_name} '{project}/*'",
        )
    _write(connection, source.id, source.tags, names)


def unshare(connection: Connection, source: "Stack", reader: str) -> None:
    """Take the right back; raises NotShared where there is none."""
    names = set(readers(source))
    if reader not in names:
        raise NotShared(
            f"{source.full_name} is not shared with {reader}",
            hint=f"see with whom: tic stack readers {source.full_name}",
        )
    _write(connection, source.id, source.tags, names - {reader})


def follow(connection: Connection, before: str, after: str | None) -> None:
    """Give the rights of the stack `before` to its new name, or to nobody where it is gone."""
    for row in connection.execute(select(STACK.c.id, STACK.c.tags).where(STACK.c.tags.contains(TAG))):
        tags = orjson.loads(row.tags)
        names = set(tags.get(TAG, "").split())
        if before in names:
            _write(connection, row.id, tags, names - {before} | ({after} if after else set()))


def _write(connection: Connection, stack_id: int, tags: dict[str, str], names: set[str]) -> None:
    changed = {name: value for name, value in tags.items() if name != TAG}
    if names:
        changed[TAG] = " ".join(sorted(names))
    text = orjson.dumps(changed).decode()
    connection.execute(update(STACK).where(STACK.c.id == stack_id).values(tags=text))
