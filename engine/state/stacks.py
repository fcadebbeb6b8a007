"""Stacks: made, found, listed, renamed, removed; each call works inside the caller's transaction."""

import time
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from engine.errors import EngineError
from engine.state import sharing, updates, versions
from engine.state.tables import STACK
from engine.state.urns import Renaming

ORG = "tic"  # one organization; the protocol wants a name for it


class StackMissing(EngineError):
    """There is no stack of that name."""

    exit_code = 4

    def __init__(self, project: str, name: str) -> None:
        super().__init__(f"there is no stack {project}/{name}", hint="see which there are: tic stack list")


class StackExists(EngineError):
    """A stack of that name exists already."""

    exit_code = 2

    def __init__(self, project: str, name: str) -> None:
        super().__init__(
            f"the stack {project}/{name} already exists",
            hint=f"use it: tic stack show {name}, or choose another name",
        )


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as its row says it; `version` 0: nothing ever ran, `folder` '': no folder is known."""

    id: int
    org: str
    project: str
    name: str
    folder: str
    version: int
    tags: dict[str, str]
    created_at: float

    @property
    def full_name(self) -> str:
        """As it is written to a person: `project/stack`."""
        return f"{self.project}/{self.name}"

    @property
    def reference(self) -> str:
        """The full name that Pulumi's `--stack` takes."""
        return f"{self.org}/{self.project}/{self.name}"


def create(
    connection: Connection, project: str, name: str, folder: str = "", tags: dict[str, str] | None = None
) -> Stack:
    """Make a stack without resources; raises StackExists."""
    given = {"pulumi:project": project, **(tags or {})}
    values = {"org": ORG, "project": project, "name": name, "folder": folder, "version": 0}
    try:
        with connection.begin_nested():
            stack_id = connection.execute(
                insert(STACK)
                .values(**values, tags=orjson.dumps(given).decode(), created_at=time.time())
                .returning(STACK.c.id)
            ).scalar_one()
    except IntegrityError:
        raise StackExists(project, name) from None
    return get(connection, stack_id)


def get(connection: Connection, stack_id: int) -> Stack:
    """The stack with this id; raises EngineError where it is gone."""
    row = connection.execute(select(STACK).where(STACK.c.id == stack_id)).one_or_none()
    if row is None:
        raise EngineError(f"the stack with id {stack_id} is gone", hint="see which there are: tic stack list")
    return _value(row)


def find(connection: Connection, project: str, name: str) -> Stack | None:
    """The stack of that name, or None."""
    row = connection.execute(
        select(STACK).where(STACK.c.org == ORG, STACK.c.project == project, STACK.c.name == name)
    ).one_or_none()
    return None if row is None else _value(row)


def list_all(connection: Connection, project: str | None = None) -> list[Stack]:
    """Every stack, or every stack of one project, by name."""
    query = select(STACK).order_by(STACK.c.project, STACK.c.name)
    if project is not None:
        query = query.where(STACK.c.project == project)
    return [_value(row) for row in connection.execute(query)]


def rename(connection: Connection, stack_id: int, project: str, name: str) -> Stack:
    """Give the stack a new name, and its current state the URNs that go with it.

    Raises StackExists where the name is taken, UpdateRunning while an update runs: it would go on under the
    old URNs.
    """
    stack = get(connection, stack_id)
    updates.refuse_while_running(connection, stack_id)
    if find(connection, project, name) is not None:
        raise StackExists(project, name)
    tags = orjson.dumps({**stack.tags, "pulumi:project": project}).decode()
    connection.execute(
        update(STACK).where(STACK.c.id == stack_id).values(project=project, name=name, tags=tags)
    )
    state = versions.newest(connection, stack_id)
    if state.deployment:
        renaming = Renaming((stack.project, stack.name), (project, name))
        renamed = replace(state, deployment=renaming.deployment(state.deployment))
        versions.save(connection, stack_id, state.version, renamed)
    sharing.follow(connection, stack.full_name, f"{project}/{name}")
    return get(connection, stack_id)


def move(connection: Connection, stack_id: int, folder: str) -> None:
    """Note where the stack's project is now."""
    connection.execute(update(STACK).where(STACK.c.id == stack_id).values(folder=folder))


def tag(connection: Connection, stack_id: int, tags: dict[str, str]) -> None:
    """Replace the stack's tags."""
    connection.execute(update(STACK).where(STACK.c.id == stack_id).values(tags=orjson.dumps(tags).decode()))


def remove(connection: Connection, stack_id: int) -> None:
    """Forget the stack with its history and state; what its resources are in the world stays there.

    One that somebody else has removed meanwhile is as forgotten as was asked for.
    """
    row = connection.execute(select(STACK).where(STACK.c.id == stack_id)).one_or_none()
    if row is not None:
        sharing.follow(connection, _value(row).full_name, None)
        connection.execute(delete(STACK).where(STACK.c.id == stack_id))


def _value(row: Any) -> Stack:
    return Stack(
        id=row.id,
        org=row.org,
        project=row.project,
        name=row.name,
        folder=row.folder,
        version=row.version,
        tags=orjson.loads(row.tags),
        created_at=row.created_at,
    )
