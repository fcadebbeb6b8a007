"""The state service: who may do what on which stack, over one database and one vault."""

import hashlib
import secrets
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Connection

from engine.database import Database
from engine.state.owner import Owner, this_process
from engine.state.reach import EVERYTHING, Reach
from engine.state.residue import Encrypt, Residue
from engine.state.sealing import Sealing, encrypter
from engine.state.sieve import Sieve
from engine.state.stacks import Stack


def _unheard(_residue: Residue) -> None:
    """What becomes of a find that nobody asked to hear of."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a bearer of a token may do.

    `stack_id` None means every stack within `reach`. What `sieve` finds must not be kept: it is sealed or
    redacted at the door, and `on_caught` is called once for each place where something was (from any thread).
    The sieve may learn more while the access is in use.
    `owner` is the process whose death ends the updates that are started with this access; that of a kept
    token, of which `kept` is the id, is whoever calls.
    """

    user: str
    stack_id: int | None = None
    reach: Reach = EVERYTHING
    kept: int | None = None
    sieve: Sieve = field(default_factory=Sieve, repr=False)
    on_caught: Callable[[Residue], None] = field(default=_unheard, repr=False)
    owner: Owner = field(default_factory=this_process)


class Admitted:
    """An access in use: its finds are reported once each."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.sieve = access.sieve
        self._caught: set[Residue] = set()
        self._lock = threading.Lock()

    def report(self, residue: Residue) -> None:
        """Tell the access's `on_caught`, unless it has heard of this place before."""
        with self._lock:
            if residue in self._caught:
                return
            self._caught.add(residue)
        self.access.on_caught(residue)

    def may_see(self, stack: Stack) -> bool:
        """Whether this stack is there for the bearer."""
        own = self.access.stack_id in (None, stack.id)
        return own and self.access.reach.covers(stack.project, stack.name)

    def may_name(self, project: str, stack: str) -> bool:
        """Whether the bearer may give a stack this name: a new one, or one that it renames."""
        return self.access.stack_id is None and self.access.reach.covers(project, stack)

    @property
    def may_write(self) -> bool:
        """Whether the bearer may change what it sees."""
        return not self.access.reach.read_only


class Kept(Protocol):
    """Tokens that outlive the process, which any process over the same database accepts."""

    def admitted(self, token: str) -> Admitted | None:
        """The access that goes with a token; raises TokenExpired."""

    def holder(self, update_id: str, lease: bytes) -> Admitted | None:
        """The access with which the update of this lease (a SHA-256) was started; raises TokenExpired."""


Removing = Callable[[str, str], AbstractContextManager[Connection]]
Freeing = Callable[[Stack], AbstractContextManager[Connection]]


class StateService:
    """State for the Pulumi CLI; safe to use from many threads, and as many as one likes in a process."""

    def __init__(
        self,
        database: Database,
        seal: Sealing,
        *,
        removing: Removing | None = None,
        freeing: Freeing | None = None,
        kept: Kept | None = None,
        public_url: str | None = None,
    ) -> None:
        """`removing` makes the transactions in which a user forgets a stack, with its bindings, `freeing`
        those in which a destroy ends; by default `write`. `kept` tokens are let in besides those of `admit`.
        `public_url` is where callers reach the service, if it is not where their calls arrive.
        """
        self.database = database
        self.sealing = seal
        self.public_url = public_url
        self._removing = removing
        self._freeing = freeing
        self._kept = kept
        self._admitted: dict[bytes, Admitted] = {}  # by the token's hash
        self._holders: dict[str, Admitted] = {}  # by the id of the update that they started

    @property
    def asks_database(self) -> bool:
        """Whether it may take a look into the database to know who calls."""
        return self._kept is not None

    def admit(self, access: Access) -> str:
        """Let in whoever shows the token that is returned; it lives in memory only."""
        token = new_token()
        self._admitted[token_hash(token)] = Admitted(access)
        return token

    def dismiss(self, token: str) -> None:
        """End an access, and the right to write of every update that was started with it."""
        gone = self._admitted.pop(token_hash(token), None)
        self._holders = {key: holder for key, holder in self._holders.items() if holder is not gone}

    def admitted(self, token: str) -> Admitted | None:
        """The access that goes with a token; raises TokenExpired."""
        found = self._admitted.get(token_hash(token))
        return self._kept.admitted(token) if found is None and self._kept is not None else found

    def hold(self, update_id: str, holder: Admitted) -> None:
        """Note with whose access an update was started: its lease-bearing calls show no other token."""
        if holder.access.kept is None:
            self._holders[update_id] = holder

    def holder(self, update_id: str, lease: bytes) -> Admitted | None:
        """The access with which the update of this lease was started, while it is admitted.

        One of `admit` was started here; one with a kept token anywhere. Raises TokenExpired.
        """
        found = self._holders.get(update_id)
        return self._kept.holder(update_id, lease) if found is None and self._kept is not None else found

    def encrypter(self, stack_id: int) -> Encrypt:
        """From a plaintext to a ciphertext of the stack."""
        return encrypter(self.sealing, stack_id)

    def read(self) -> AbstractContextManager[Connection]:
        """A consistent snapshot to read from."""
        return self.database.read()

    def remove(self, stack: str, user: str) -> AbstractContextManager[Connection]:
        """A transaction in which `user` forgets the stack of this full name."""
        return (self._removing or _plainly(self.database))(stack, user)

    def end_destroy(self, stack: Stack) -> AbstractContextManager[Connection]:
        """A transaction in which a destroy of the stack ends."""
        return self.write() if self._freeing is None else self._freeing(stack)

    def write(self, only: str | None = None) -> AbstractContextManager[Connection]:
        """A transaction that is durable when the block is left; `only` as in `Database.write`."""
        return self.database.write(only)


def _plainly(database: Database) -> Removing:
    return lambda _stack, _user: database.write()


def new_token() -> str:
    """A token that nobody can guess: 256 random bits."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()
