"""Letting the runs of one stack read the outputs of another, and taking that back; the audit log has both."""

from typing import TYPE_CHECKING

from engine.state import sharing

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.installation import Installation
    from engine.state.stacks import Stack


def share(installation: "Installation", source: "Stack", reader: str) -> str:
    """Share `source` with `reader`, `[PROJECT/]STACK` or `PROJECT/*`; returns its full name.

    Raises StackMissing where there is no such stack, ReaderRefused for what can't be shared with.
    """
    from engine.state import stacks

    full_name = _full(source, reader)
    with installation.vault.change(
        "stack.share", stack=source.full_name, detail={"reader": full_name}
    ) as change:
        project, _, name = full_name.partition("/")
        if name != "*" and stacks.find(change.connection, project, name) is None:
            raise stacks.StackMissing(project, name)
        sharing.share(change.connection, _now(change.connection, source), full_name)
    return full_name


def unshare(installation: "Installation", source: "Stack", reader: str) -> str:
    """Take the right back from `reader`; returns its full name. Raises NotShared where it had none."""
    full_name = _full(source, reader)
    with installation.vault.change(
        "stack.unshare", stack=source.full_name, detail={"reader": full_name}
    ) as change:
        sharing.unshare(change.connection, _now(change.connection, source), full_name)
    return full_name


def _full(source: "Stack", reader: str) -> str:
    return reader if "/" in reader else f"{source.project}/{reader}"


def _now(connection: "Connection", source: "Stack") -> "Stack":
    """The stack with the tags that it has in this transaction."""
    from engine.state import stacks

    return stacks.get(connection, source.id)
