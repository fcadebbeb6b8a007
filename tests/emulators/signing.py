"""What clouds that check signatures have in common: keys, a clock, refusals, requests that are not as signed.

The rules of each signature are written from its provider's documents; each cloud's module names them.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

from tests.emulators.proxy import Request

WINDOW = timedelta(minutes=15)  # how far a signature's time may be from the cloud's
REQUEST_ID = "5a63903e690bcd18d9ddf5c2ca75e827"


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair as its cloud keeps it; one with a `token` is temporary, and goes with that token alone."""

    id: str
    secret: str = field(repr=False)
    account: str = ""
    principal: str = ""
    token: str = field(default="", repr=False)
    disabled: bool = False
    denied: frozenset[str] = frozenset()  # what its policies do not let it do, in the cloud's own names


@dataclass(frozen=True, slots=True)
class Denied(Exception):
    """The cloud's own refusal."""

    status: int
    code: str
    message: str


class Ring:
    """The keys that a cloud knows, and its clock."""

    def __init__(self, keys: Iterable[Key], now: Callable[[], datetime] | None = None) -> None:
        self.keys = {key.id: key for key in keys}
        self.now = now or (lambda: datetime.now(UTC))

    def late(self, signed: datetime) -> bool:
        """Whether a request that was signed then is refused now, come too late or too early."""
        return abs(self.now() - signed) > WINDOW


def sha256(data: bytes) -> str:
    """The hash in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def mac(key: bytes, *messages: str) -> bytes:
    """HMAC-SHA256 of each message in turn, keyed by the one before."""
    for message in messages:
        key = hmac.new(key, message.encode(), hashlib.sha256).digest()
    return key


def same(one: str, other: str) -> bool:
    """Whether two signatures are the same."""
    return hmac.compare_digest(one.encode(), other.encode())


def encoded(text: str, safe: str = "") -> str:
    """Percent-encoded, all but RFC 3986's unreserved characters."""
    return quote(text, safe=safe + "-_.~")


def canonical_query(query: str) -> str:
    """The query with its pairs sorted and encoded anew."""
    pairs = sorted(
        (encoded(name), encoded(value)) for name, value in parse_qsl(query, keep_blank_values=True)
    )
    return "&".join(f"{name}={value}" for name, value in pairs)


def parts(authorization: str, algorithm: str) -> dict[str, str]:
    """`ALGORITHM Name=value, Name=value` as a mapping; empty for another algorithm."""
    said, _, rest = authorization.partition(" ")
    if said != algorithm:
        return {}
    return dict(part.strip().partition("=")[::2] for part in rest.split(","))


def basic_time(text: str) -> datetime | None:
    """`20151229T100000Z` as a time."""
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def with_header(request: Request, name: str, value: str) -> Request:
    """The request with another value of one header."""
    return replace(request, headers={**request.headers, name: value})


def altered(request: Request, headers: Iterable[str]) -> Iterator[tuple[str, Request]]:
    """The request with one thing changed that every signature covers, each with the name of what changed."""
    yield "method", replace(request, method="DELETE")
    yield "path", replace(request, path=request.path.rstrip("/") + "/more")
    yield "query", replace(request, query=f"{request.query}&more=1".lstrip("&"))
    for name in headers:
        yield name, with_header(request, name, request.headers[name] + "1")
    authorization = request.headers["authorization"]
    flipped = "0" if authorization[-1] != "0" else "1"
    yield "signature", with_header(request, "authorization", authorization[:-1] + flipped)
    without: Mapping[str, str] = {k: v for k, v in request.headers.items() if k != "authorization"}
    yield "no signature", replace(request, headers=without)
