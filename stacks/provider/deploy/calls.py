"""A service that is called through its cloud's SDK: what the SDK keeps to itself, and what refusals say."""

import logging
import os
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from stacks.errors import StackError

T = TypeVar("T")

SECONDS = 30.0
"""What a call may take: to connect, and then until each piece of the answer. No SDK tries again by itself."""
AGAIN = "then run it again: tic stack up"
_BENEATH = ("urllib3", "requests", "http.client")
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_MOST_CAUSES = 20


class SdkMissing(StackError):
    """The cloud's SDK is an extra of tic, and is not installed."""

    exit_code = 6


class Refused(StackError):
    """The service answered, and did not do it; `code` is its own, `status` the one of HTTP."""

    def __init__(self, message: str, *, hint: str, code: str, status: int) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.status = status


class Denied(Refused):
    """The service knows who asks, and does not let them."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose calls are told of: `kind` of credential, `label` of the service; `secrets` are never told."""

    kind: str
    label: str
    secrets: tuple[str, ...] = field(repr=False)

    def refused(
        self, action: str, status: int, code: str, words: str, *, denied: bool = False, unknown: bool = False
    ) -> Refused:
        """A refusal in the service's own code and words: `denied` for want of a permission that is called
        `action`, `unknown` because the service does not know the key.
        """
        said = " ".join(part for part in (str(status or ""), code, self.redacted(words)) if part)
        hint = f"correct what it names; {AGAIN}"
        if denied:
            hint = (
                f"let the credential do {action}: attach the policy that this prints: "
                f"tic creds privileges {self.kind} --for deploy --format policy; {AGAIN}"
            )
        elif unknown:
            hint = f"give the credential a key that the cloud knows: tic creds rotate NAME; {AGAIN}"
        elif status == 429 or status >= 500:
            hint = f"wait until the service takes calls again; {AGAIN}"
        refusal = Denied if denied else Refused
        return refusal(f"{self.label} refuses {action}: {said}", hint=hint, code=code, status=status)

    def unreachable(self, action: str, host: str, error: BaseException) -> StackError:
        """No answer came; `error` is what the SDK raised, whose text may hold what was asked."""
        return StackError(
            f"{host} can't be asked for {action}: {_why(error)}",
            hint=f"check that this machine reaches it (HTTPS_PROXY, SSL_CERT_FILE); {AGAIN}",
        )

    def unreadable(self, action: str, host: str) -> StackError:
        """An answer came that is none of the service's."""
        return StackError(
            f"{host} answers {action} with what is none of {self.label}'s answers",
            hint=f"see what stands between this machine and it: a portal, a proxy (HTTPS_PROXY); {AGAIN}",
        )

    def redacted(self, words: str) -> str:
        """One line without the account's secrets; long words are cut."""
        for secret in filter(None, self.secrets):
            words = words.replace(secret, "[secret]")
        return " ".join(words.split())[:500]


@contextmanager
def sdk(extra: str, *loggers: str) -> Iterator[None]:
    """Imports inside this block are of an SDK that is an extra of tic: raises SdkMissing.

    What its `loggers`, and those of HTTP beneath it, log of requests is kept from every handler.
    """
    try:
        yield
    except ModuleNotFoundError:
        raise SdkMissing(
            f"the SDK of {extra} is not installed", hint=f"install it: pip install 'tic-engine[{extra}]'"
        ) from None
    silence(*loggers)


def unless_gone(act: Callable[[], T]) -> T | None:
    """What the call answers, or None where the service says that there is no such thing (404)."""
    try:
        return act()
    except Refused as refused:
        if refused.status == 404:
            return None
        raise


def silence(*loggers: str) -> None:
    """Keep what an SDK logs from every handler of this process, whatever its level."""
    for name in (*_BENEATH, *loggers):
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.disabled = True
        logger.handlers = [logging.NullHandler()]


def ca_file() -> str | None:
    """The PEM file of CA certificates that this machine's environment names, for SDKs that ask none."""
    return next((os.environ[name] for name in _CA_VARIABLES if os.environ.get(name)), None)


def entries(value: object) -> list[Mapping[str, Any]] | None:
    """The objects of a list in an answer, without what else is in it; None where it is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else None


def whole(value: object) -> int:
    """A number in an answer; 0 where it is none."""
    return value if isinstance(value, int) else 0


def _why(error: BaseException) -> str:
    for one in reversed(list(_causes(error))):
        if isinstance(one, ssl.SSLCertVerificationError):
            return "its certificate is not trusted here"
        if isinstance(one, socket.gaierror):
            return "its name can't be resolved"
        if isinstance(one, ConnectionRefusedError):
            return "the connection is refused"
        if isinstance(one, TimeoutError) or "Timeout" in type(one).__name__:
            return f"no answer within {SECONDS:g} s"
        if isinstance(one, OSError) and str(one).startswith("Tunnel connection failed"):
            return "the proxy does not let it through"
    return f"the connection broke off ({type(error).__name__})"


def _causes(error: BaseException) -> Iterable[BaseException]:
    """An error and what it stands on (cause, context, arguments), the innermost last."""
    waiting: list[object] = [error]
    found: list[BaseException] = []
    while waiting and len(found) < _MOST_CAUSES:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and not any(one is other for other in found):
            found.append(one)
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found
