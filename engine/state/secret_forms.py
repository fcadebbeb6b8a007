"""The ways in which programs write a secret, and the ways back."""

import base64
import html
import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus, unquote

_SECRET_FIELD = re.compile("(key|secret|token|password|passphrase)$", re.IGNORECASE)  # of a JSON key file
_SHORTEST_FIELD = 8
_MATERIAL_LINE = re.compile("[A-Za-z0-9+/_=-]+")
_MATERIAL = re.compile("[A-Za-z0-9+/_=-]{40,}")
_WRAPPED = 48  # characters: base64 is wrapped at 64 or 76, so what is shorter stays on one line
_ALGORITHM = 48  # the first characters of a private key in PEM, which are the same in many keys
_HEADED = 104  # the first characters of the base64 of a key file, with its heading


def parts(secret: bytes) -> Iterator[bytes]:
    """A secret, and what is secret in it by itself: the private values of a JSON key file."""
    yield secret
    stripped = secret.strip()
    yield stripped
    if stripped.startswith(b"{"):
        try:
            fields = json.loads(stripped)
        except ValueError:
            return
        for name, value in fields.items():
            if isinstance(value, str) and _SECRET_FIELD.search(name) and len(value) >= _SHORTEST_FIELD:
                yield from parts(value.encode())


def forms(secret: bytes) -> Iterator[bytes]:
    """The texts that stand for a secret in a decoded JSON string: base64, hexadecimal, URL, JSON, HTML."""
    for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
        yield from _in_base64(secret, alphabet)
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    if not is_text(secret):
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
    yield html.escape(text).encode()


def material(secret: bytes) -> Iterator[str]:
    """The long texts without spaces in a secret, as key files have them.

    Programs wrap these into lines of their own width, so they are known by their pieces. What many keys have
    in common is left out.
    """
    if not is_text(secret):
        return
    joined: list[str] = []
    for line in [*secret.decode().splitlines(), ""]:
        stripped = line.strip()
        if _MATERIAL_LINE.fullmatch(stripped) and not stripped.startswith("-----"):
            joined.append(stripped)
            continue
        text = "".join(joined)
        if len(text) > _ALGORITHM:
            yield text[_ALGORITHM:] if len(joined) > 1 else text
        joined = []
        yield from (found[0] for found in _MATERIAL.finditer(stripped))


def wrapped_base64(secret: bytes) -> Iterator[str]:
    """As `material`, for the base64 of a secret that is too long for one line of it."""
    headed = _HEADED if secret.startswith((b"-----", b"{")) else 0
    for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
        for encoded in _in_base64(secret, alphabet):
            if len(encoded) > _WRAPPED + headed:
                yield encoded[headed:].decode()


def decoded(text: str) -> Iterator[str]:
    """What the text may mean: without spaces and line ends, escapes, percent signs and entities resolved."""
    meant = text
    for sign, resolve in _RESOLVED:
        if sign in meant:
            meant = resolve(meant)
            yield meant
    if (unbroken := "".join(meant.split())) != text:
        yield unbroken


def is_text(secret: bytes) -> bool:
    """Whether the bytes are UTF-8."""
    try:
        secret.decode()
    except UnicodeDecodeError:
        return False
    return True


def _in_base64(secret: bytes, encode: Callable[[bytes], bytes]) -> Iterator[bytes]:
    """The characters that are the same wherever the secret lies in what was encoded, for each alignment."""
    for before in range(3):
        bits = 8 * (before + len(secret))
        start = -(-8 * before // 6)
        yield encode(b"\0" * before + secret)[start : bits // 6]


_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|U00(?:0[0-9A-Fa-f]|10)[0-9A-Fa-f]{4}|.)")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def _unescaped(text: str) -> str:
    """What a string of JSON, Go or Python says."""

    def meaning(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPED.get(code, code)

    said = _ESCAPE.sub(meaning, text)
    # JSON has a character beyond 0xffff as two halves.
    return said.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_RESOLVED: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("\\", _unescaped),
    ("\\", _unescaped),
    ("\\", _unescaped),  # JSON in JSON in JSON
    ("%", unquote),
    ("&", html.unescape),
)
