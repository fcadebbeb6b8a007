"""The state service on its own: for the stock Pulumi CLI on this machine, or for a team."""

import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from engine.actor import user_name
from engine.errors import EngineError
from engine.reachable import Reachable, listener

if TYPE_CHECKING:
    import socket

    from starlette.types import ASGIApp

    from engine.installation import Installation
    from engine.signals import Signals
    from engine.state.kept_tokens import KeptTokens
    from engine.state.service import StateService
    from engine.tls import Renewing

_LOOK_SECONDS: Final = 2.0
_NOTE_SECONDS: Final = 60.0
_ENDS: Final = {signal.SIGINT, signal.SIGTERM}
_LOGGERS: Final = ("engine", "uvicorn.error")


class NobodyAdmitted(EngineError):
    """A service for a team, and no access token with which anybody could call it."""

    exit_code = 3


class ServerEnded(EngineError):
    """The thread that serves has ended by itself."""


@dataclass(frozen=True, slots=True)
class Serving:
    """A service that answers at `url`.

    `access_token` opens every stack of this home while it does; only on loopback is there one. What else
    opens it are the tokens that are kept.
    """

    url: str
    access_token: str | None = field(repr=False)
    certificate: "Renewing | None"
    _kept: "KeptTokens"
    _lives: Callable[[], bool]
    _signals: "Signals"
    _tell: Callable[[str], None]

    def wait(self) -> None:
        """Serve until SIGINT or SIGTERM; SIGHUP reads the certificate's files. Raises ServerEnded."""
        noted = time.monotonic()
        while not (arrived := self._signals.within(_LOOK_SECONDS)) & _ENDS:
            if not self._lives():
                raise ServerEnded("the server has ended by itself", hint="start it again: tic serve")
            if self.certificate is not None:
                self.certificate.look(time.time(), self._tell, at_once=signal.SIGHUP in arrived)
            if time.monotonic() - noted >= _NOTE_SECONDS:
                noted = time.monotonic()
                self._note_uses()

    def _note_uses(self) -> None:
        with suppress(EngineError):  # the database is away: it is written the next time
            self._kept.note_uses()


@contextmanager
def serving(
    installation: "Installation", reachable: Reachable, tell: Callable[[str], None]
) -> Iterator[Serving]:
    """Serve the home's stacks, in the main thread; `tell` gets a line for each call that was refused, and
    what else there is to say.

    Raises NotServed, CertificateUnusable, NobodyAdmitted, and what opening the vault raises.
    """
    from engine.freeing import freeing
    from engine.removal import removing
    from engine.signals import arriving
    from engine.state.kept_tokens import KeptTokens
    from engine.state.listening import Manner
    from engine.state.server import serving as serving_on
    from engine.state.service import Access, StateService
    from engine.tls import Renewing

    reachable.check()
    installation.vault.ledger.unlock()
    certificate = Renewing(reachable.tls, time.time()) if reachable.tls else None
    if reachable.is_for_strangers:
        _check_somebody_is_admitted(installation)
    kept = KeptTokens(installation.database, installation.vault)
    service = StateService(
        installation.database,
        installation.vault,
        removing=removing(installation.vault),
        freeing=freeing(installation.vault),
        kept=kept,
        public_url=reachable.proxy,
    )
    token = None if reachable.is_for_strangers else service.admit(Access(user=user_name()))
    manner = Manner(
        tls=certificate.context if certificate else None,
        strangers=reachable.is_for_strangers,
        behind_proxy=reachable.proxy is not None,
    )
    with ExitStack() as stack:
        stack.enter_context(_faults_told(tell))
        signals = stack.enter_context(arriving(_ENDS | ({signal.SIGHUP} if certificate else set())))
        found = stack.enter_context(listener(reachable))
        url = _url(reachable, found, certificate)
        lives = stack.enter_context(serving_on(lambda: _app(service, tell), found, manner))
        served = Serving(url, token, certificate, kept, lives, signals, tell)
        try:
            yield served
        finally:
            served._note_uses()


def _check_somebody_is_admitted(installation: "Installation") -> None:
    from engine.access import listed

    now = time.time()
    if all(token.has_expired(now) for token in listed(installation)):
        raise NobodyAdmitted(
            "there is no access token that is valid, so nobody could call the service",
            hint="make one: tic token new NAME",
        )


def _app(service: "StateService", tell: Callable[[str], None]) -> "ASGIApp":
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse, Response
    from starlette.routing import Route

    from engine.calls import Told
    from engine.state.app import app

    async def healthy(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    web = app(service)
    web.router.routes.insert(0, Route("/healthz", healthy))
    return Told(web, tell)


def _url(reachable: Reachable, found: "socket.socket", certificate: "Renewing | None") -> str:
    """Where callers reach the service: with TLS by a name that the certificate is for, if it has one."""
    if reachable.proxy is not None:
        return reachable.proxy
    host, port = reachable.host, found.getsockname()[1]
    if certificate is not None and not certificate.shown.is_for(host):
        host = next((name for name in certificate.shown.names if not name.startswith("*")), host)
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if certificate else 'http'}://{shown}:{port}"


@contextmanager
def _faults_told(tell: Callable[[str], None]) -> Iterator[None]:
    """Tell what the service's modules warn of, instead of Python's printing it with whatever is in it."""
    from engine.calls import Faults

    handler = Faults(tell)
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
