"""Sends signed requests to a cloud's API: always TLS, through the machine's proxy, never redirected."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

from stacks.dns.clouds.signing import Call, Keys, Sign
from stacks.dns.publisher import ProviderFailed
from stacks.errors import StackError

MOST_ANSWER_BYTES = 4_000_000
MOST_KEPT = 8  # connections that stay open for the next call


class WayUnusable(StackError):
    """The way to the outside that this machine is set up with can't be gone."""


@dataclass(frozen=True, slots=True)
class Calling:
    """With what a cloud is called: `machine` is the environment with the proxy and the trusted certificates,
    `seconds` what a call may take.
    """

    keys: Keys
    machine: Mapping[str, str] = field(repr=False)
    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What the cloud said: `content` is the JSON object of its body, None where that is something else."""

    status: int
    content: Mapping[str, Any] | None


class Caller:
    """Sends calls to one host; several threads may use it at once."""

    def __init__(self, host: str, calling: Calling) -> None:
        """Raises WayUnusable."""
        import urllib3

        self.host = host
        self._seconds = seconds = calling.seconds
        machine = calling.machine
        timeout = urllib3.Timeout(connect=seconds, read=seconds)
        options: dict[str, Any] = {"ssl_context": _trusted(machine), "timeout": timeout, "maxsize": MOST_KEPT}
        if not (proxy := _proxy(host, machine)):
            self._pool: urllib3.PoolManager = urllib3.PoolManager(**options)
            return
        try:
            self._pool = urllib3.ProxyManager(proxy, proxy_headers=_login(proxy), **options)
        except ValueError:  # it quotes the address, which can hold a password
            raise WayUnusable(
                "the proxy in HTTPS_PROXY is not an address that can be used",
                hint="write it as http://host:port: export HTTPS_PROXY=...",
            ) from None

    def send(self, call: Call, sign: Sign) -> Answer:
        """The answer, whatever its status. Raises ProviderFailed where none came."""
        from urllib3.exceptions import HTTPError, NewConnectionError, ProxyError

        query = call.canonical_query
        url = f"https://{call.host}{call.path}" + (f"?{query}" if query else "")
        body = call.body
        try:
            got = self._pool.request(
                call.method,
                url,
                body=body or None,
                headers={**sign(call), "User-Agent": "tic"},
                redirect=False,
                retries=False,
                preload_content=False,
            )
            try:
                content = got.read(MOST_ANSWER_BYTES, decode_content=True)
            finally:
                got.release_conn()
        except (HTTPError, OSError) as error:
            raise ProviderFailed(
                f"{call.host} can't be asked for {call.action}: {_why(error, self._seconds)}",
                hint="check that this machine reaches it (HTTPS_PROXY, SSL_CERT_FILE); then run it again",
                untouched=call.reads or isinstance(error, NewConnectionError | ProxyError),
            ) from None
        return Answer(got.status, _object(content))

    def close(self) -> None:
        """Give the connections back."""
        self._pool.clear()


def _trusted(machine: Mapping[str, str]) -> ssl.SSLContext:
    file, folder = machine.get("SSL_CERT_FILE") or None, machine.get("SSL_CERT_DIR") or None
    try:
        return ssl.create_default_context(cafile=file, capath=folder)
    except OSError as error:  # ssl.SSLError is one
        raise WayUnusable(
            f"the trusted certificates in {file or folder} can't be read: {error.strerror or error}",
            hint="correct or unset SSL_CERT_FILE and SSL_CERT_DIR",
        ) from error


def _proxy(host: str, machine: Mapping[str, str]) -> str:
    through = machine.get("https_proxy") or machine.get("HTTPS_PROXY") or ""
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


def _why(error: Exception, seconds: float) -> str:
    """In words, and without what an exception quotes: an address can hold a proxy's password."""
    import urllib3.exceptions as known

    if isinstance(error, known.TimeoutError):
        return f"no answer within {seconds:g} s"
    if isinstance(error, known.ProxyError):
        return "the proxy does not let it through"
    if isinstance(error, known.SSLError):
        return "its certificate is not trusted here"
    if isinstance(error, known.NewConnectionError | known.NameResolutionError):
        return "no connection"
    return f"the connection broke off ({type(error).__name__})"


def _object(content: bytes) -> Mapping[str, Any] | None:
    if not content.strip():
        return {}
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
