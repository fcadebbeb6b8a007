"""One request to a server that a credential itself names.

What is sent goes to that server alone: no redirect is followed, no ~/.netrc or cookie is read, and nothing
leaves this machine in the clear.
"""

import base64
import ipaddress
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from credentials.identity.errors import NotVerifiable, Unreachable
from credentials.identity.network import ca_file, why
from credentials.secret import SecretBytes

LONGEST_ANSWER: Final = 1 << 20  # bytes; what is beyond is not read
_PLAIN: Final = re.compile(r"[!-\[\]-~]+")  # printable ASCII but the space and the backslash


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body, where it is a JSON object; else empty."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Server:
    """How one server is asked: `timeout` in seconds; `context`, `name` and `proxy` where they are its own.

    `name` is the one that its certificate must have; `proxy` a URL, used instead of the environment's.
    """

    kind: str
    timeout: float
    context: ssl.SSLContext | None = None
    name: str | None = None
    proxy: str | None = None

    def ask(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes | None = None,
    ) -> Answer:
        """Send one request; raises NotVerifiable for a URL that may not be asked, and Unreachable."""
        from urllib3.exceptions import HTTPError

        where = checked(self.kind, url)
        try:
            with self._pool(where) as pool:
                got = pool.request(
                    method,
                    url,
                    body=body,
                    headers={"User-Agent": "tic", **(headers or {})},
                    redirect=False,
                    retries=False,
                    preload_content=False,
                )
                try:
                    content = got.read(LONGEST_ANSWER, decode_content=True)
                finally:
                    got.close()
        except (HTTPError, OSError) as error:
            raise Unreachable(self.kind, f"{where.hostname}: {why(error, self.timeout)}") from None
        said = {name.lower(): value for name, value in got.headers.itermerged()}
        return Answer(got.status, said, content)

    def _pool(self, where: SplitResult) -> Any:
        import urllib3

        settings: dict[str, Any] = {"timeout": urllib3.Timeout(connect=self.timeout, read=self.timeout)}
        if where.scheme == "https":
            settings["ssl_context"] = self.context or ssl.create_default_context(cafile=ca_file())
            settings["server_hostname"] = settings["assert_hostname"] = self.name
        through = self.proxy or _proxy(where)
        if not through:
            return urllib3.PoolManager(**settings)
        through = through if "://" in through else f"http://{through}"
        headers = {}
        if (proxy := urlsplit(through)).username is not None:
            login = f"{unquote(proxy.username or '')}:{unquote(proxy.password or '')}"
            headers = urllib3.make_headers(proxy_basic_auth=login)
        return urllib3.ProxyManager(through, proxy_headers=headers, **settings)


def basic(kind: str, username: SecretBytes, password: SecretBytes) -> dict[str, str]:
    """The header of HTTP basic authentication (RFC 7617), in UTF-8."""
    if b":" in username.reveal():
        raise NotVerifiable(kind, "HTTP basic authentication takes no user name with a colon")
    login = base64.b64encode(username.reveal() + b":" + password.reveal())
    return {"Authorization": f"Basic {login.decode()}"}


def checked(kind: str, url: str) -> SplitResult:
    """The URL's parts; raises NotVerifiable for one that a secret may not be sent to."""
    try:
        where = urlsplit(url)
        _ = where.port
    except ValueError:
        raise NotVerifiable(kind, "its url is none") from None
    # urllib3 reads a URL with anything else in it otherwise than urlsplit does
    if not _PLAIN.fullmatch(url) or where.scheme not in ("https", "http") or not where.hostname:
        raise NotVerifiable(kind, "its url is no https://host/path")
    if where.username is not None:
        raise NotVerifiable(kind, "its url has a user name in it, which belongs into a field of its own")
    if where.scheme == "http" and not is_loopback(where.hostname):
        host = where.hostname
        raise NotVerifiable(
            kind, f"what is sent to http://{host} can be read on the way; give an https:// url"
        )
    return where


def is_loopback(host: str) -> bool:
    """Whether what is sent to this host stays on this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _proxy(where: SplitResult) -> str | None:
    host = where.hostname or ""
    return None if is_loopback(host) or proxy_bypass(where.netloc) else getproxies().get(where.scheme)
