"""What the vault needs from outside; the engine provides both."""

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection


class Transactions(Protocol):
    """The database: a snapshot to read from, and a transaction that holds the write lock from its start."""

    def read(self) -> AbstractContextManager[Connection]:
        """A consistent snapshot."""

    def write(self) -> AbstractContextManager[Connection]:
        """Committed at the end, rolled back on an exception."""


class Usage(Protocol):
    """Who uses a credential: the vault knows nothing of stacks and their tables."""

    def stacks_using(self, connection: Connection, credential_id: int) -> list[str]:
        """The stacks that this credential serves, as `project/stack`."""

    def by_credential(self, connection: Connection) -> dict[int, list[str]]:
        """For each credential in use, the stacks that it serves."""

    def fall_back_to_role(self, connection: Connection, credential_id: int) -> None:
        """Unbind the credential from its stacks: the linked role serves them from now on (SPEC A8)."""
