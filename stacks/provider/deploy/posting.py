"""A message is posted until its receiver has it: again while that is busy or away, and nowhere else."""

import os
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from stacks.dns.way_out import way_out, why
from stacks.errors import StackError
from stacks.provider.deploy.calls import Account, silence
from stacks.provider.deploy.exchange import Answer, exchange
from stacks.provider.deploy.signed_message import Message
from stacks.provider.run import Operation

if TYPE_CHECKING:
    from urllib3 import PoolManager

CALL_SECONDS: Final = 10.0
PAUSES: Final = (0.25, 1.0, 2.0, 4.0, 8.0, 16.0)
_AGAIN: Final = (408, 425, 429)
_UP: Final = "then: tic stack up"


class NotTaken(StackError):
    """The receiver did not take the message; the text holds neither a secret nor a key.

    `again`: it may take it later, not before `asked` seconds are over where it says so.
    """

    def __init__(self, message: str, *, hint: str, again: bool = False, asked: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.again = again
        self.asked = asked


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where to, the secret that signs, and how many seconds all attempts may take together.

    `hidden` is told nowhere; where it is None the receiver's words are not told at all.
    """

    url: str = field(repr=False)
    secret: bytes = field(repr=False)
    seconds: float
    hidden: Sequence[str] | None = field(default=(), repr=False)

    @property
    def host(self) -> str:
        """Its name; the rest of a webhook's address may be secret."""
        return urlsplit(self.url).netloc

    def post(self, operation: Operation, message: Message) -> None:
        """Return when it took it (2xx); raises NotTaken, WayUnusable, Interrupted."""
        silence()
        # what is in the clear stays on this machine, so it goes through no proxy
        machine = {} if self.url.startswith("http:") else os.environ
        pool = way_out(self.url, machine, CALL_SECONDS)
        try:
            self._post(operation, pool, message)
        finally:
            pool.clear()

    def _post(self, operation: Operation, pool: "PoolManager", message: Message) -> None:
        ends, attempt = time.monotonic() + self.seconds, 0
        while (refusal := self._attempt(operation, pool, message)) is not None:
            pause = refusal.asked if refusal.asked is not None else PAUSES[min(attempt, len(PAUSES) - 1)]
            if not refusal.again or time.monotonic() + pause > ends:
                raise refusal
            operation.say(f"{refusal}; it is sent again in {pause:g} s")
            operation.wait(pause, f"{self.host} to take the message")
            attempt += 1

    def _attempt(self, operation: Operation, pool: "PoolManager", message: Message) -> NotTaken | None:
        """Why it was not taken, or None where it was."""
        from urllib3.exceptions import HTTPError

        headers = message.headers(self.secret, datetime.now(UTC))

        def ask() -> Answer:
            return exchange(pool, "POST", self.url, headers, message.body, CALL_SECONDS)

        try:
            answer = operation.interruptible(ask, f"{self.host} to take the message")
        except (HTTPError, OSError) as error:
            fault = why(error, CALL_SECONDS)
            return NotTaken(
                f"{self.host} can't be reached: {fault}",
                hint=f"check `url`, and that this machine reaches it (HTTPS_PROXY, SSL_CERT_FILE); {_UP}",
                again=not _is_for_good(error),
            )
        return None if 200 <= answer.status < 300 else self._refused(answer)

    def _refused(self, answer: Answer) -> NotTaken:
        status, asked = answer.status, answer.retry_after(datetime.now(UTC))
        said = self._words(answer.body)
        if status >= 500 or status in _AGAIN:
            until = f", and asks to be left alone for {asked:.0f} s" if asked else ""
            message = f"{self.host} does not take it now: HTTP {status}{said}{until}"
            hint = f"wait until it takes messages again; {_UP}"
            return NotTaken(message, hint=hint, again=True, asked=asked)
        if 300 <= status < 400:
            to = urlsplit(answer.headers.get("location", "")).netloc
            message = (
                f"{self.host} redirects{f' to {to}' if to else ''} (HTTP {status}), which is not followed"
            )
            return NotTaken(message, hint=f"give `url` the address that it has now; {_UP}")
        if status == 410:
            message = f"{self.host} wants no messages there any more (HTTP 410){said}"
            return NotTaken(message, hint=f"give `url` the address that it has now; {_UP}")
        hint = f"correct what it names; {_UP}"
        if status in (401, 403):
            hint = f"let both sides have the same secret (tic creds rotate NAME) and the right time; {_UP}"
        return NotTaken(f"{self.host} refuses it: HTTP {status}{said}", hint=hint)

    def _words(self, body: bytes) -> str:
        if self.hidden is None:
            return ""
        text = Account("webhook", self.host, tuple(self.hidden)).redacted(
            body[:4000].decode("utf-8", "replace")
        )
        text = "".join(one if one.isprintable() else " " for one in text)[:300]
        return f", {text}" if text else ""


def _is_for_good(error: BaseException) -> bool:
    """Whether it would be the same a moment later: a certificate that is not trusted."""
    from urllib3.exceptions import SSLError

    return isinstance(error, SSLError | ssl.SSLCertVerificationError)
