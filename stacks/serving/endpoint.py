"""A place where a certificate is served, as a person writes it: `www.example.com`, `smtp://mx.example.com`."""

import ipaddress
import re
import urllib.parse
from dataclasses import dataclass

PORTS = {"https": 443, "tls": 443, "smtp": 25, "imap": 143}
"""By what is spoken; smtp and imap begin in the clear, then ask for TLS (RFC 3207, RFC 9051 6.2.1)."""
FORMS = "www.example.com, www.example.com:8443, smtp://mx.example.com:587 or imap://mail.example.com?sni=NAME"
_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
_NAME_LENGTH = 253


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`speaks` is a key of PORTS; `sni` (RFC 6066 3) is None for an address without a name."""

    speaks: str
    host: str
    port: int
    sni: str | None

    @classmethod
    def read(cls, text: str) -> "Endpoint":
        """From any of FORMS; raises ValueError, which says what is wrong with it."""
        parts = urllib.parse.urlsplit(text if "://" in text else f"https://{text}")
        if parts.scheme not in PORTS:
            raise ValueError(f"{parts.scheme[:20]}:// is none of {', '.join(f'{each}://' for each in PORTS)}")
        if parts.path not in ("", "/") or parts.fragment or parts.username is not None:
            raise ValueError(f"must be written as {FORMS}")
        asked = urllib.parse.parse_qs(parts.query, keep_blank_values=True)
        if not asked.keys() <= {"sni"} or any(len(each) > 1 for each in asked.values()):
            raise ValueError("takes ?sni=NAME and nothing else after the port")
        host = _host(parts.hostname or "")
        try:
            port = PORTS[parts.scheme] if parts.port is None else parts.port
        except ValueError:
            port = 0
        if not port:
            raise ValueError("has a port that is no number from 1 to 65535")
        given = asked.get("sni", [None])[0]
        sni = _host(given) if given is not None else host
        return cls(parts.scheme, host, port, None if _is_address(sni) else sni)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = "" if self.speaks == "https" else f"{self.speaks}://"
        own = None if _is_address(self.host) else self.host
        return f"{scheme}{host}:{self.port}" + (f"?sni={self.sni}" if self.sni not in (None, own) else "")


def _host(given: str) -> str:
    if _is_address(given):
        return given
    try:
        name = given.encode("idna").decode() if not given.isascii() else given
    except UnicodeError:
        name = ""
    if len(name) > _NAME_LENGTH or not _HOST.fullmatch(name):
        raise ValueError(f"names no host; it must be written as {FORMS}")
    return name.rstrip(".").lower()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
