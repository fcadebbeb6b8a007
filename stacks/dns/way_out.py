"""The way to a provider's API from this machine: its proxy, the certificates that it trusts, what went wrong.

The variables are those that lego's worker gets as well (`NETWORK`): HTTPS_PROXY, HTTP_PROXY, NO_PROXY, in
either case, SSL_CERT_FILE and SSL_CERT_DIR.
"""

import ssl
from collections.abc import Callable, Mapping
from queue import Empty, Queue
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

from stacks.errors import StackError

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

MOST_KEPT = 8  # connections that stay open for the next call
STEPS = 3  # a call that goes on for so many times what each of its steps may take is given up


class WayUnusable(StackError):
    """The way to the outside that this machine is set up with can't be gone."""


def way_out(
    url: str,
    machine: Mapping[str, str],
    seconds: float,
    *,
    trusted: ssl.SSLContext | None = None,
    name: str | None = None,
    through: str | None = None,
) -> "PoolManager":
    """Connections to the host of `url`, with `seconds` for each step of a call; `machine` is the environment.

    A server may have an authority of its own (`trusted`), another `name` in its certificate, and a proxy of
    its own (`through`, a URL). Raises WayUnusable.
    """
    import urllib3

    where = urlsplit(url)
    timeout = urllib3.Timeout(connect=seconds, read=seconds)
    options: dict[str, Any] = {"timeout": timeout, "maxsize": MOST_KEPT}
    if where.scheme == "https":
        options["ssl_context"] = trusted or _trusted(machine)
        if name:
            options |= {"server_hostname": name, "assert_hostname": name}
    if not (proxy := through or _proxy(where.scheme, where.hostname or "", machine)):
        return urllib3.PoolManager(**options)
    try:
        return urllib3.ProxyManager(proxy, proxy_headers=_login(proxy), **options)
    except ValueError:  # it quotes the address, which can hold a password
        where_from = "its proxy-url" if through else f"{where.scheme.upper()}_PROXY"
        raise WayUnusable(
            f"the proxy in {where_from} is not an address that can be used",
            hint=f"write it as http://host:port{'' if through else f': export {where_from}=...'}",
        ) from None


def answered(call: "Callable[[], BaseHTTPResponse]", most: int, seconds: float) -> tuple[int, bytes]:
    """Status and body of an answer, at most `most` bytes of it; the whole may take STEPS times `seconds`.

    The limit of each step does not end a server that sends a byte now and then, so the call is made by a
    thread of its own; one that is given up ends when its server does, or with the process. Raises what the
    call raises, and TimeoutError.
    """
    outcome: Queue[tuple[int, bytes] | Exception] = Queue()

    def work() -> None:
        try:
            got = call()
            try:
                body = got.read(most, decode_content=True)
            finally:
                got.close()  # what is left of it is not waited for
            outcome.put((got.status, body))
        except Exception as error:  # it is raised where the answer is waited for
            outcome.put(error)

    Thread(target=work, name="call", daemon=True).start()
    try:
        found = outcome.get(timeout=STEPS * seconds)
    except Empty:
        raise TimeoutError from None
    if isinstance(found, Exception):
        raise found
    return found


def why(error: Exception, seconds: float) -> str:
    """In words, and without what an exception quotes: an address can hold a proxy's password."""
    import urllib3.exceptions as known

    if isinstance(error, known.NewConnectionError):  # refused, or a name that can't be resolved
        return "no connection"
    if isinstance(error, known.TimeoutError | TimeoutError):  # the one above is one, by its class
        return f"no answer within {seconds:g} s"
    if isinstance(error, known.ProxyError):
        return "the proxy does not let it through"
    if isinstance(error, known.SSLError):
        return "its certificate is not trusted here"
    return f"the connection broke off ({type(error).__name__})"


def _trusted(machine: Mapping[str, str]) -> ssl.SSLContext:
    file, folder = machine.get("SSL_CERT_FILE") or None, machine.get("SSL_CERT_DIR") or None
    try:
        return ssl.create_default_context(cafile=file, capath=folder)
    except OSError as error:  # ssl.SSLError is one
        raise WayUnusable(
            f"the trusted certificates in {file or folder} can't be read: {error.strerror or error}",
            hint="correct or unset SSL_CERT_FILE and SSL_CERT_DIR",
        ) from error


def _proxy(scheme: str, host: str, machine: Mapping[str, str]) -> str:
    through = machine.get(f"{scheme}_proxy") or machine.get(f"{scheme.upper()}_PROXY") or ""
    exempt = machine.get("no_proxy") or machine.get("NO_PROXY") or ""
    if not through or proxy_bypass_environment(host, {"no": exempt}):
        return ""
    return through if "://" in through else f"http://{through}"


def _login(proxy: str) -> Mapping[str, str]:
    import urllib3

    where = urlsplit(proxy)
    if where.username is None:
        return {}
    login = f"{unquote(where.username)}:{unquote(where.password or '')}"
    return urllib3.make_headers(proxy_basic_auth=login)
