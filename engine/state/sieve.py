"""Secrets found in text: as they are, and as base64, URL-encoded, JSON-escaped or re-wrapped text.

Looking through a request's body costs a few substring searches; only a suspicious one has to be parsed.

A secret shorter than SHORTEST bytes would be found in half of all text, so it counts only where it is a whole
value; below SHORTEST_VALUE not even there.
"""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from threading import Lock
from urllib.parse import quote, quote_plus

HIDDEN = "[secret]"
SHORTEST = 8
SHORTEST_VALUE = 4
_INERT = re.compile(rb"[A-Za-z0-9]{6,}")  # what no encoding of text changes
_SECRET_FIELD = re.compile("(key|secret|token|password|passphrase)$", re.IGNORECASE)  # of a JSON key file
_WRAPPED_LINE = 40  # characters of a line that is a secret of its own, in a key file for instance
_CHUNK = 24  # of a key file's text: a line of any usual width holds one of them whole


@dataclass(frozen=True, slots=True)
class _Mesh:
    """What to look for: `short` as whole values, `pattern` anywhere; `probes` None: parse whatever it is."""

    short: frozenset[str]
    probes: tuple[bytes, ...] | None
    pattern: re.Pattern[str]


class Sieve:
    """Finds the secrets that it has learned; its repr shows none. Safe to use from several threads.

    It never forgets, so what it was asked about before it learned more was answered as well as could be:
    a secret is learned before anybody gets it.
    """

    def __init__(self, secrets: Iterable[bytes] = ()) -> None:
        self._known: frozenset[bytes] = frozenset()
        self._mesh = _mesh(self._known)
        self._learning = Lock()
        self.add(secrets)

    def add(self, secrets: Iterable[bytes]) -> None:
        """Find these too, from now on."""
        parts = {part for secret in secrets for part in _parts(secret)}
        with self._learning:
            if not parts <= self._known:
                self._known |= parts
                self._mesh = _mesh(self._known)

    def suspects(self, body: bytes) -> bool:
        """Whether JSON text may hold a secret: never False where it does, seldom True where it does not."""
        probes = self._mesh.probes
        return probes is None or any(probe in body for probe in probes)

    def finds(self, text: str) -> bool:
        """Whether a string (not as JSON) holds a secret."""
        mesh = self._mesh
        return text in mesh.short or mesh.pattern.search(text) is not None

    def redact(self, text: str) -> str:
        """The string with `[secret]` in place of each secret."""
        mesh = self._mesh
        return HIDDEN if text in mesh.short else mesh.pattern.sub(HIDDEN, text)


def _mesh(everything: frozenset[bytes]) -> _Mesh:
    long = {secret for secret in everything if len(secret) >= SHORTEST}
    forms = {form for secret in long for form in _forms(secret)}
    short = frozenset(
        secret.decode() for secret in everything - long if len(secret) >= SHORTEST_VALUE and _is_text(secret)
    )
    probes = {_probe(form) for form in forms} | {_probe_value(secret) for secret in short}
    texts = sorted((form.decode() for form in forms), key=len, reverse=True)
    return _Mesh(
        short,
        None if None in probes else tuple(sorted(probe for probe in probes if probe)),
        re.compile("|".join(map(re.escape, texts)) or r"(?!)"),
    )


def _parts(secret: bytes) -> Iterator[bytes]:
    """A secret, and what is secret in it by itself: private values of a JSON key file, lines of a PEM one."""
    yield secret
    stripped = secret.strip()
    yield stripped
    if stripped.startswith(b"{"):
        try:
            fields = json.loads(stripped)
        except ValueError:
            return
        for name, value in fields.items():
            if isinstance(value, str) and _SECRET_FIELD.search(name) and len(value) >= SHORTEST:
                yield from _parts(value.encode())
    elif b"\n" in stripped:
        lines = [line.strip() for line in stripped.splitlines() if not line.startswith(b"-----")]
        yield from (line for line in lines if len(line) >= _WRAPPED_LINE)
        text = b"".join(lines)
        # The first 48 characters of a private key in PEM name its algorithm, and are the same in many keys.
        yield from (
            text[i : i + _CHUNK] for i in range(2 * _CHUNK, min(len(text), 9 * _CHUNK) - _CHUNK + 1, _CHUNK)
        )


def _forms(secret: bytes) -> Iterator[bytes]:
    """The texts that stand for a secret inside a decoded JSON string."""
    for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
        yield from _in_base64(secret, alphabet)
    if not _is_text(secret):
        return
    yield secret
    text = secret.decode()
    for encoded in (quote(text, safe=""), quote(text), quote_plus(text)):
        yield encoded.encode()
        yield re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), encoded).encode()
    for ascii_only in (True, False):  # JSON inside a JSON string, and JSON inside that
        once = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield once.encode()
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1].encode()
        as_go = once.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")
        yield as_go.encode()


def _in_base64(secret: bytes, encode: Callable[[bytes], bytes]) -> Iterator[bytes]:
    """The characters that are the same wherever the secret lies in what was encoded, for each alignment."""
    for before in range(3):
        bits = 8 * (before + len(secret))
        start = -(-8 * before // 6)
        yield encode(b"\0" * before + secret)[start : bits // 6]


def _probe(form: bytes) -> bytes | None:
    """A part of a text that stays the same when the text becomes JSON; None where there is no such part."""
    found = _INERT.findall(form)
    return max(found, key=len) if found else None


def _probe_value(secret: str) -> bytes | None:
    """As `_probe`, for a secret that counts only as a whole value."""
    return f'"{secret}"'.encode() if re.fullmatch("[A-Za-z0-9]+", secret) else None


def _is_text(secret: bytes) -> bool:
    try:
        secret.decode()
    except UnicodeDecodeError:
        return False
    return True
