"""What the plugin tells and asks its broker about accounts at CAs: noted keys, and terms.

A key that an account is about to get is noted, sealed, before the CA is asked (RFC 8555 7.3.5): whoever is
killed between the CA's answer and the state finds it there. The note stays, so that an older state that is
brought back finds the key that holds as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from stacks.messages import RequestMalformed, optional_text, text

if TYPE_CHECKING:
    from stacks.broker import Broker

LONGEST_KEY = 10_000
"""Characters; the PEM text of an RSA key of 4096 bits has 3,272."""


@dataclass(frozen=True, slots=True)
class KeyNote:
    """POST /account/key/note: the key that the CA is asked to take for an account, and the epoch of that.

    `before_pem` is the key that the CA had when this was noted: it has one of the two.
    """

    account_uri: str
    epoch: int
    key_pem: str = field(repr=False)
    before_pem: str = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """As it travels, on loopback only."""
        return {
            "accountUri": self.account_uri,
            "epoch": self.epoch,
            "keyPem": self.key_pem,
            "beforePem": self.before_pem,
        }

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> Self:
        """Read a message; raises RequestMalformed."""
        epoch = message.get("epoch")
        if isinstance(epoch, bool) or not isinstance(epoch, int):
            raise RequestMalformed("epoch must be a whole number")
        keys = [text(message, each) for each in ("keyPem", "beforePem")]
        if max(map(len, keys)) > LONGEST_KEY:
            raise RequestMalformed("keyPem or beforePem is too long for a private key")
        return cls(account_of(message), epoch, *keys)


@dataclass(frozen=True, slots=True)
class Terms:
    """POST /account/terms: the terms (a URL) that a CA shows, seen by a run.

    With `account_uri` that account was made under them just now.
    """

    directory_url: str
    terms: str
    account_uri: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {"directoryUrl": self.directory_url, "terms": self.terms, "accountUri": self.account_uri}

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> Self:
        """Read a message; raises RequestMalformed."""
        account = optional_text(message, "accountUri")
        return cls(text(message, "directoryUrl"), text(message, "terms"), account)


def account_of(message: Mapping[str, Any]) -> str:
    """Which account a message is about; raises RequestMalformed."""
    return text(message, "accountUri")


def noted_key(broker: "Broker", account_uri: str) -> KeyNote | None:
    """The key that the account was last to get in this stack. Raises BrokerError."""
    note = broker.ask("/account/key", {"accountUri": account_uri}).get("note")
    return None if note is None else KeyNote.from_json(note)


def note_key(broker: "Broker", note: KeyNote) -> None:
    """Keep it, in place of an earlier one of the account; once this returns, no kill loses the key."""
    broker.ask("/account/key/note", note.to_json())


def forget_key(broker: "Broker", account_uri: str) -> None:
    """The account is gone, or the CA never took the key."""
    broker.ask("/account/key/forget", {"accountUri": account_uri})


def tell_terms(broker: "Broker", terms: Terms) -> None:
    """Have them recorded, and told to the user where they are news."""
    broker.ask("/account/terms", terms.to_json())
