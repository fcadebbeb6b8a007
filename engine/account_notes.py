"""What a run's plugin may note and ask about its stack's accounts: the messages of `stacks.account_notes`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from credentials.audit import Event
from engine.certificates import account_keys, terms

if TYPE_CHECKING:
    from engine.database import Database
    from engine.events import Notice
    from engine.leases import Lessee
    from engine.state.sealing import Sealing
    from engine.state.stacks import Stack
    from stacks.account_notes import KeyNote, Terms


class OpenNotes:
    """The notes of all stacks, for a command of who holds the vault; it has no terms to tell."""

    def __init__(self, database: "Database", sealing: "Sealing") -> None:
        self._database = database
        self._sealing = sealing

    def key(self, account_uri: str) -> "KeyNote | None":
        """The key that the account was last to get."""
        with self._database.read() as connection:
            return account_keys.find_anywhere(connection, self._sealing, account_uri)

    def show_terms(self, directory_url: str, terms: str) -> None:
        """Nothing is agreed to by what such a command does."""


class AccountNotes:
    """The notes of one stack; `tell` hears of terms that are news."""

    def __init__(
        self,
        database: "Database",
        lessee: "Lessee",
        stack: "Stack",
        tell: "Callable[[Notice], None] | None" = None,
    ) -> None:
        self._database = database
        self._lessee = lessee
        self._stack = stack
        self._tell = tell

    def key(self, account_uri: str) -> "KeyNote | None":
        """The key that the account was last to get; the run's sieve knows it before it is returned."""
        with self._database.read() as connection:
            note = account_keys.find(connection, self._lessee.sealing, self._stack.id, account_uri)
        if note is not None:
            self._lessee.learn([note.key_pem.encode(), note.before_pem.encode()])
        return note

    def note_key(self, note: "KeyNote") -> None:
        """Keep the key, sealed; the audit log says that the account is to get another."""
        self._lessee.learn([note.key_pem.encode(), note.before_pem.encode()])
        detail = {"account": note.account_uri, "key epoch": str(note.epoch)}
        self._lessee.note(Event("account.rekey", "done", stack=self._stack.full_name, detail=detail))
        with self._database.write() as connection:
            account_keys.note(connection, self._lessee.sealing, self._stack.id, note)

    def forget_key(self, account_uri: str) -> None:
        """The account is gone, or the CA never took the key."""
        with self._database.write() as connection:
            account_keys.forget(connection, self._stack.id, account_uri)

    def terms(self, shown: "Terms") -> None:
        """Record what a CA shows; what is news is in the audit log, and told."""
        with self._database.write() as connection:
            notice = terms.seen(connection, shown)
        if notice is None:
            return
        action = "account.terms" if shown.account_uri is None else "account.agree"
        detail = {"CA": shown.directory_url, "terms": shown.terms}
        if shown.account_uri is not None:
            detail["account"] = shown.account_uri
        self._lessee.note(Event(action, "done", stack=self._stack.full_name, detail=detail))
        if self._tell is not None:
            self._tell(notice)
