"""Forgetting a stack."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from engine.errors import EngineError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from credentials.vault import Vault
    from engine.installation import Installation
    from engine.state.stacks import Stack


class StackNotEmpty(EngineError):
    """The stack has resources or records that would be lost from sight."""

    exit_code = 3


def check_removable(installation: "Installation", stack: "Stack") -> None:
    """Raise StackNotEmpty while the stack has resources, or records that a killed run left at a DNS
    provider.
    """
    from engine.challenges import open_notes
    from engine.state import checkpoints

    with installation.database.read() as connection:
        resources = checkpoints.deployment(connection, stack.id).get("resources") or []
        left = open_notes(connection, stack.id)
    if resources:
        raise StackNotEmpty(
            f"stack {stack.full_name} has {len(resources)} resources",
            hint=f"delete them first: tic stack destroy {stack.full_name}",
        )
    if left:
        raise StackNotEmpty(
            f"stack {stack.full_name} has {len(left)} challenge records that were never withdrawn",
            hint=f"withdraw them first: tic dns clean {stack.full_name}",
        )


def remove_stack(installation: "Installation", stack: "Stack") -> None:
    """Forget the stack, its history and its bindings, in one transaction."""
    from engine.state import stacks

    check_removable(installation, stack)
    with removing(installation.vault)(stack.full_name, "") as connection:
        stacks.remove(connection, stack.id)


def removing(vault: "Vault") -> "Callable[[str, str], AbstractContextManager[Connection]]":
    """Makes the transactions that forget a stack: its bindings go too, and the vault guards them.

    Who asked for it through the state service is named to the audit log.
    """

    @contextmanager
    def transaction(stack: str, user: str) -> "Iterator[Connection]":
        detail = {"by": user} if user else {}
        with vault.change("stack.remove", stack=stack, detail=detail) as change:
            yield change.connection

    return transaction
