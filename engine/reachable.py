"""Where a service is reached, and whether what is sent there is safe: loopback, TLS, or a proxy with TLS."""

import ipaddress
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.tls import CertificateFiles

LOOPBACK: Final = "127.0.0.1"
_ORIGIN: Final = re.compile(
    r"https://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?",
    re.IGNORECASE | re.ASCII,
)


class NotServed(EngineError):
    """Nothing can be served there, or not as it was asked."""

    exit_code = 2


class InTheClear(EngineError):
    """Whoever stands between a caller and the service would read tokens and secrets."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Reachable:
    """Where to listen (port 0: one that is free), with which certificate, and behind which proxy.

    `proxy` is the URL at which a proxy on this machine takes calls, ends TLS, and hands them on.
    """

    host: str = LOOPBACK
    port: int = 0
    tls: "CertificateFiles | None" = None
    proxy: str | None = None

    @property
    def is_for_strangers(self) -> bool:
        """Whether others than this machine's users can call, so that only tokens that are kept are good."""
        return self.proxy is not None or not _is_loopback(self.address()[1][0])

    def check(self) -> None:
        """Raise NotServed for what does not fit together, InTheClear for a network without TLS."""
        loopback = _is_loopback(self.address()[1][0])
        if self.proxy is not None:
            self._check_proxy(self.proxy, loopback=loopback)
        elif self.tls is None and not loopback:
            raise InTheClear(
                f"{self.host} is no address of this machine alone, and without TLS whoever is on the way "
                "reads tokens and secrets",
                hint="give it a certificate: tic serve --host HOST --tls-cert FILE --tls-key FILE; "
                "or let a proxy on this machine end TLS: tic serve --behind-proxy https://NAME",
            )

    def _check_proxy(self, proxy: str, *, loopback: bool) -> None:
        if self.tls is not None or not loopback:
            raise NotServed(
                "behind a proxy the service is reached from this machine alone, without TLS of its own",
                hint=f"leave out --host, --tls-cert and --tls-key: tic serve --behind-proxy {proxy}",
            )
        if not _is_origin(proxy):
            raise NotServed(
                f"{proxy!r} is not the URL of a proxy that ends TLS",
                hint="name it as callers do: --behind-proxy https://HOST or https://HOST:PORT",
            )

    def address(self) -> tuple[socket.AddressFamily, tuple[str, int]]:
        """The first address of the host; raises NotServed."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except (OSError, UnicodeError) as error:
            raise NotServed(
                f"the host {self.host!r} has no address here: {getattr(error, 'strerror', None) or error}",
                hint="name an address of this machine, or 0.0.0.0 for all of them: tic serve --host HOST",
            ) from error
        family, _, _, _, address = found[0]
        return family, (str(address[0]), self.port)


@contextmanager
def listener(reachable: Reachable) -> Iterator[socket.socket]:
    """A socket that listens there while the block runs; raises NotServed."""
    from engine.state.server import listening

    family, address = reachable.address()
    try:
        found = listening(family, address)
    except OSError as error:
        raise NotServed(
            f"port {reachable.port} of {reachable.host} can't be used: {error.strerror}",
            hint="choose another: tic serve --port N",
        ) from error
    with found:
        yield found


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _is_origin(url: str) -> bool:
    """Whether it is `https://HOST` or `https://HOST:PORT`, and nothing more."""
    found = _ORIGIN.fullmatch(url)
    return found is not None and int(found["port"] or 443) < 65536  # a port has 16 bits
