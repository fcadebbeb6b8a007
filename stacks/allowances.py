"""What the plugin asks and tells its broker about the rate limits of CAs: may it order, and what came of it.

The engine keeps the ledger, for all stacks; the plugin has no database. An order is claimed before the CA is
asked, and what comes of it is told. Lengths of time are seconds from now.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from stacks.messages import RequestMalformed, optional_text, text

if TYPE_CHECKING:
    from stacks.broker import Broker

LONGEST_DETAIL = 2000
MOST_SECONDS = 400 * 86_400.0
"""A CA that asks to wait longer than a year is believed to ask for a year."""
EVENTS = ("placed", "refused", "issued", "given-up", "valid", "invalid", "wait")


@dataclass(frozen=True, slots=True)
class Claim:
    """POST /acme/claim: may this be ordered now? If so it is counted. Without an account: a new account.

    `names` in their normal form. `replaces`: the order names what it replaces (RFC 9773 5).
    """

    directory_url: str
    account_uri: str | None = None
    names: tuple[str, ...] = ()
    replaces: bool = False

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {
            "directoryUrl": self.directory_url,
            "accountUri": self.account_uri,
            "names": list(self.names),
            "replaces": self.replaces,
        }

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> Self:
        """Read a message; raises RequestMalformed."""
        names = message.get("names")
        if not isinstance(names, list) or not all(isinstance(each, str) and each for each in names):
            raise RequestMalformed("names must be a list of texts")
        return cls(
            text(message, "directoryUrl"),
            optional_text(message, "accountUri"),
            tuple(names),
            message.get("replaces") is True,
        )


@dataclass(frozen=True, slots=True)
class Allowance:
    """The answer to Claim: a `claim` to go on with; or how long to wait (None: not known), and why."""

    claim: str | None
    seconds: float | None = None
    why: str = ""
    hint: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {"claim": self.claim, "seconds": self.seconds, "why": self.why, "hint": self.hint}

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> Self:
        """Read a message; raises RequestMalformed."""
        return cls(
            optional_text(message, "claim"),
            _seconds(message),
            str(message.get("why") or ""),
            str(message.get("hint") or ""),
        )


@dataclass(frozen=True, slots=True)
class Event:
    """POST /acme/event: what came of something, at the CA of `directory_url`.

    `placed` (claim, orderUrl, seconds until the CA gives it up), `refused` (claim and what was asked for,
    seconds that the CA asked to wait, detail), `issued` and `given-up` (orderUrl), `valid` and `invalid`
    (accountUri, identifier), `wait` (endpoint: a name of the directory, or a URL; seconds).
    """

    event: str
    directory_url: str
    claim: str | None = None
    asked: Claim | None = None
    order_url: str | None = None
    account_uri: str | None = None
    identifier: str | None = None
    endpoint: str | None = None
    seconds: float | None = None
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {
            "event": self.event,
            "directoryUrl": self.directory_url,
            "claim": self.claim,
            "asked": self.asked and self.asked.to_json(),
            "orderUrl": self.order_url,
            "accountUri": self.account_uri,
            "identifier": self.identifier,
            "endpoint": self.endpoint,
            "seconds": self.seconds,
            "detail": self.detail[:LONGEST_DETAIL],
        }

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> Self:
        """Read a message; raises RequestMalformed."""
        event, asked = text(message, "event"), message.get("asked")
        if event not in EVENTS:
            raise RequestMalformed(f"event must be one of {', '.join(EVENTS)}")
        return cls(
            event,
            text(message, "directoryUrl"),
            optional_text(message, "claim"),
            None if asked is None else Claim.from_json(asked),
            optional_text(message, "orderUrl"),
            optional_text(message, "accountUri"),
            optional_text(message, "identifier"),
            optional_text(message, "endpoint"),
            _seconds(message),
            str(message.get("detail") or "")[:LONGEST_DETAIL],
        )


def claim(broker: "Broker", wanted: Claim) -> Allowance:
    """Ask for it; a claim is counted from now on. Raises BrokerError."""
    return Allowance.from_json(broker.ask("/acme/claim", wanted.to_json()))


def look(broker: "Broker", wanted: Claim) -> bool:
    """POST /acme/look: whether it could be claimed now; nothing is counted. Raises BrokerError."""
    return Allowance.from_json(broker.ask("/acme/look", wanted.to_json())).claim is not None


def tell(broker: "Broker", event: Event) -> None:
    """Tell what came of it. Raises BrokerError."""
    broker.ask("/acme/event", event.to_json())


def waits(broker: "Broker", directory_url: str) -> dict[str, float]:
    """How long which endpoints of a CA want no request. Raises BrokerError."""
    answer = broker.ask("/acme/waits", {"directoryUrl": directory_url}).get("waits") or {}
    return {str(endpoint): float(seconds) for endpoint, seconds in answer.items()}


def directory_of(message: Mapping[str, Any]) -> str:
    """Which CA a message is about; raises RequestMalformed."""
    return text(message, "directoryUrl")


def _seconds(message: Mapping[str, Any]) -> float | None:
    value = message.get("seconds")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise RequestMalformed("seconds must be a number, and not negative")
    return min(float(value), MOST_SECONDS)
