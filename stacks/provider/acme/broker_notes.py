"""What a run's broker keeps of accounts, for those who talk to CAs: noted keys, terms that were shown.

Where the plugin was started without a broker there are no notes, and nobody to tell terms to.
"""

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from stacks.account_notes import KeyNote, Terms, forget_key, note_key, noted_key, tell_terms
from stacks.broker import BrokerError, BrokerUnavailable

if TYPE_CHECKING:
    from stacks.provider.run import Run


class BrokerNotes:
    """The notes as this process knows them: each account is asked for once. For many threads."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        self._keys: dict[str, KeyNote | None] = {}
        self._lock = threading.Lock()

    def key(self, account_uri: str) -> KeyNote | None:
        """The key that the account was last to get in this stack. Raises BrokerError."""
        with self._lock:
            if account_uri not in self._keys:
                try:
                    self._keys[account_uri] = noted_key(self._run.broker, account_uri)
                except BrokerUnavailable:
                    return None
            return self._keys[account_uri]

    def note_key(self, note: KeyNote) -> None:
        """Keep it before the CA is asked; raises BrokerError, and then the CA is not to be asked."""
        note_key(self._run.broker, note)
        with self._lock:
            self._keys[note.account_uri] = note

    def forget_key(self, account_uri: str) -> None:
        """Drop the note, if there is one. Raises BrokerError."""
        if self.key(account_uri) is None:
            return
        forget_key(self._run.broker, account_uri)
        with self._lock:
            self._keys[account_uri] = None

    def show_terms(self, directory_url: str, terms: str, account_uri: str | None = None) -> None:
        """Have terms recorded, and told where they are news; what can't be told fails nothing."""
        with suppress(BrokerError):
            tell_terms(self._run.broker, Terms(directory_url, terms, account_uri))
