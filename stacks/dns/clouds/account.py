"""A cloud account's TXT records behind the two verbs: by name and value, so that any process can withdraw."""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from threading import Event
from typing import Any, ClassVar, Protocol

from stacks.dns.clouds.answers import inner, text
from stacks.dns.clouds.calls import Answer, Caller, Calling
from stacks.dns.clouds.signing import Call, Sign
from stacks.dns.publisher import ProviderFailed, Record
from stacks.dns.redaction import Redaction

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds between tries of a call that came too soon
TOO_MANY = re.compile(r"Throttling|RequestLimitExceeded|FlowLimitExceeded|TooManyRequests|RateLimit")
RefusalIn = Callable[[Mapping[str, Any]], "tuple[int, str, str] | None"]
"""The status that stands for it, the code and the words of a refusal; None where an answer is none."""
Alone = Callable[[str], AbstractContextManager[None]]
"""Holds what it is given the name of for the block: no other process of tic's changes that meanwhile."""


class Account(Protocol):
    """One account at one cloud; names are without the final dot. Every call raises ProviderFailed."""

    label: ClassVar[str]

    def zone(self, name: str) -> str | None:
        """The id of the account's zone of exactly this name."""
        ...

    def add(self, zone: str, zone_name: str, record: Record) -> None:
        """Have the value at the record's name, whatever else is there."""
        ...

    def remove(self, zone: str, zone_name: str, record: Record) -> None:
        """Have the value there no more; whatever else is there stays."""
        ...

    def stop(self) -> None:
        """Ask nothing more; what is asked already has its time limit."""
        ...

    def close(self) -> None:
        """Give the connections back."""
        ...


class CloudRecords:
    """A Publisher over an account; several threads may use it at once."""

    nameservers: tuple[str, ...] = ()

    def __init__(self, kind: str, account: Account) -> None:
        self.kind = kind
        self.usable = True
        self._account = account
        self._zones: dict[str, str | None] = {}  # of a run: ids by name, None where there is no such zone

    def perform(self, record: Record) -> None:
        """Publish the record; where it is there already nothing is done."""
        self._account.add(*self._zone_of(record.name), record)

    def cleanup(self, record: Record) -> None:
        """Withdraw the record, whoever published it; where it is gone already nothing is done."""
        self._account.remove(*self._zone_of(record.name), record)

    def stop(self) -> None:
        """Each call has its time limit; no other begins."""
        self.usable = False
        self._account.stop()

    def close(self) -> None:
        """Give the connections back."""
        self.stop()
        self._account.close()

    def _zone_of(self, name: str) -> tuple[str, str]:
        """The id and the name of the account's zone that holds `name`: the longest of them."""
        for candidate in parents(name):
            if candidate not in self._zones:
                self._zones[candidate] = self._account.zone(candidate)
            if (zone := self._zones[candidate]) is not None:
                return zone, candidate
        raise ProviderFailed(
            f"{self._account.label} has no zone for {name} among those that this key may see",
            hint="create the zone in this account, or bind a key of the account that holds it: "
            f"tic creds new NAME --provider {self.kind}",
            untouched=True,
        )


class Api:
    """Calls of one account: signed, and refused in words that say what to do."""

    def __init__(
        self, label: str, host: str, calling: Calling, sign: Sign, refusal_in: RefusalIn = lambda _: None
    ) -> None:
        """`refusal_in` finds the refusal in an answer with HTTP 2xx, of clouds that refuse so."""
        self._label = label
        self._caller = Caller(host, calling)
        self._sign = sign
        self._refusal_in = refusal_in
        self._redaction = Redaction([calling.keys.secret, calling.keys.token])
        self._stopped = Event()

    def ask(
        self,
        action: str,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        content: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        """What a call that succeeded brought; one that comes too soon after others is made again later.

        Raises Refusal, ProviderFailed.
        """
        call = Call(action, method, self._caller.host, path, query or {}, content)
        for seconds in PAUSES:
            answer = self._asked(call)
            refusal = self._refusal(action, answer)
            if refusal is None or not refusal.too_soon:
                break
            self.pause(seconds * random.uniform(0.5, 1.5))  # noqa: S311 - so that many threads part
        else:
            answer = self._asked(call)
            refusal = self._refusal(action, answer)
        if refusal is not None:
            raise refusal
        if answer.content is None:
            raise ProviderFailed(
                f"{self._caller.host} answers {action} with what is none of {self._label}'s answers",
                hint="see what stands between this machine and it: a portal, a proxy (HTTPS_PROXY)",
                untouched=call.reads,
            )
        return answer.content

    def pause(self, seconds: float) -> None:
        """Wait that long, or until it is stopped."""
        self._stopped.wait(seconds)

    def stop(self) -> None:
        """Begin no further call, and end a pause."""
        self._stopped.set()

    def close(self) -> None:
        """Give the connections back."""
        self._caller.close()

    def _asked(self, call: Call) -> Answer:
        if self._stopped.is_set():
            raise ProviderFailed(
                f"{self._label} was not asked for {call.action}, because the run is ending",
                hint="run it again: tic stack up",
                untouched=True,
            )
        return self._caller.send(call, self._sign)

    def _refusal(self, action: str, answer: Answer) -> "Refusal | None":
        content, status = answer.content or {}, answer.status
        found = self._refusal_in(content) if status < 300 else (status, *_said(content))
        if found is None:
            return None
        status, code, words = found
        said = " ".join(part for part in (str(status), code, words) if part)
        return Refusal(
            self._redaction.text(f"{self._label} refuses {action}: {said}"),
            hint=_hint(status, code),
            code=code,
            status=status,
        )


class Refusal(ProviderFailed):
    """The cloud answered, and did not do it; a fault of the cloud's own (5xx) leaves open what it did."""

    def __init__(self, message: str, *, hint: str, code: str, status: int) -> None:
        super().__init__(message, hint=hint, untouched=status < 500)
        self.code = code
        self.status = status

    @property
    def too_soon(self) -> bool:
        """Whether nothing is wrong but that there were too many calls; then nothing was done."""
        return self.status == 429 or bool(TOO_MANY.search(self.code))


def parents(name: str) -> Iterator[str]:
    """`name` and every domain above it, without the top-level domains."""
    while "." in name:
        yield name
        name = name.partition(".")[2]


def host_in(zone_name: str, name: str) -> str:
    """The name relative to its zone, `@` for the zone's own."""
    return "@" if name == zone_name else name.removesuffix(f".{zone_name}")


def _said(content: Mapping[str, Any]) -> tuple[str, str]:
    """Code and words of a refusal, in the forms that clouds give it."""
    told = inner(content, "error") or inner(inner(content, "ResponseMetadata"), "Error") or content
    return text(told, "error_code", "status", "Code", "code"), text(told, "error_msg", "Message", "message")


def _hint(status: int, code: str) -> str:
    if status == 429 or status >= 500 or TOO_MANY.search(code):
        return "wait until the cloud takes calls again; then run it again"
    if status in (401, 403) or "Signature" in code or "Auth" in code:
        return "give the credential a key that the cloud knows: tic creds rotate NAME"
    return "correct what it names: the credential (tic creds rotate NAME), its rights, or the zone"
