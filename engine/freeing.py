"""A stack of which nothing exists any more frees its credentials, as its destroy ends."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from credentials.audit import Event
from engine import bindings

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from credentials.vault import Vault
    from engine.state.stacks import Stack


def freeing(vault: "Vault") -> "Callable[[Stack], AbstractContextManager[Connection]]":
    """Makes the transactions in which a destroy ends: either it has ended and the credentials are free, or
    neither (SPEC C4). What a destroy leaves (`--target`, protected resources) keeps them.
    """
    from engine.state import versions

    @contextmanager
    def transaction(stack: "Stack") -> "Iterator[Connection]":
        with vault.quiet_change() as change:
            yield change.connection
            if not versions.resource_count(change.connection, stack.id):
                bindings.release(change.connection, stack.id)
                change.further.append(Event("binding.release", "done", stack=stack.full_name))

    return transaction
