"""What the vault needs from outside; the engine provides both."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection

from credentials.credential import Lease
from credentials.digest import Table


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

    def stacks_by_role(self, connection: Connection, provider: str) -> list[str]:
        """The stacks that the linked role of this provider serves."""

    def stacks_outside(self, connection: Connection, credential_id: int, scope: str) -> list[str]:
        """The stacks that this credential serves, and would not be used in if its scope were this one."""

    def fall_back_to_role(self, connection: Connection, credential_id: int, provider: str) -> None:
        """Unbind the credential from its stacks: the linked role serves them from now on (SPEC A7, A8)."""

    def guarded(self, connection: Connection) -> Iterable[Table]:
        """Which credential or role serves which stack: rows that the vault's digest covers as well."""


class Alive(Protocol):
    """Tells whether a process that took a version on may still work with it."""

    def __call__(self, lease: Lease, /) -> bool:
        """Whether it may."""
