"""The state service: who may do what on which stack, over one database and one vault."""

import hashlib
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Connection

from engine.database import Database
from engine.state.owner import Owner, this_process
from engine.state.residue import Encrypt, Residue
from engine.state.sealing import Sealing, encrypter
from engine.state.sieve import Sieve


def _unheard(_residue: Residue) -> None:
    """What becomes of a find that nobody asked to hear of."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a bearer of a token may do.

    `stack_id` None means every stack. What `sieve` finds must not be kept: it is sealed or redacted at the
    door, and `on_caught` is called once for each place where something was (from any thread). The sieve may
    learn more while the access is in use.
    `owner` is the process whose death ends the updates that are started with this access.
    """

    user: str
    stack_id: int | None = None
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

    def may_see(self, stack_id: int) -> bool:
        """Whether this stack is there for the bearer."""
        return self.access.stack_id in (None, stack_id)


Removing = Callable[[str], AbstractContextManager[Connection]]


class StateService:
    """State for the Pulumi CLI; safe to use from many threads, and as many as one likes in a process."""

    def __init__(self, database: Database, seal: Sealing, *, removing: Removing | None = None) -> None:
        """`removing` makes the transactions that forget a stack, with its bindings; by default `write`."""
        self.database = database
        self.sealing = seal
        self._removing = removing
        self._admitted: dict[bytes, Admitted] = {}  # by the token's hash
        self._holders: dict[str, Admitted] = {}  # by the id of the update that they started
        self._writing = threading.Lock()

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
        """The access that goes with a token."""
        return self._admitted.get(token_hash(token))

    def hold(self, update_id: str, holder: Admitted) -> None:
        """Note with whose access an update was started: its lease-bearing calls show no other token."""
        self._holders[update_id] = holder

    def holder(self, update_id: str) -> Admitted | None:
        """The access with which the update was started here, while it is admitted."""
        return self._holders.get(update_id)

    def encrypter(self, stack_id: int) -> Encrypt:
        """From a plaintext to a ciphertext of the stack."""
        return encrypter(self.sealing, stack_id)

    def read(self) -> AbstractContextManager[Connection]:
        """A consistent snapshot to read from."""
        return self.database.read()

    @contextmanager
    def remove(self, stack: str) -> Iterator[Connection]:
        """A transaction that forgets the stack of this full name."""
        with self._writing, (self._removing or _plainly(self.database))(stack) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is durable when the block is left; the threads of one service queue here.

        Without the queue, SQLite would let them sleep and try again.
        """
        with self._writing, self.database.write() as connection:
            yield connection


def _plainly(database: Database) -> Removing:
    return lambda _stack: database.write()


def new_token() -> str:
    """A token that nobody can guess: 256 random bits."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()
