"""What names a server: a host name or an IP address, with a port or without."""

import re
from typing import Final

LONGEST_NAME: Final = 253  # characters, RFC 1035 2.3.4 without the length bytes at both ends
_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_PORT: Final = re.compile(r"[0-9]{1,5}")


def is_server(text: str) -> bool:
    """Whether `text` is `host`, `host:port`, an IPv6 address, or `[ipv6]:port`; ports go from 1 to 65535.

    A host is a name of letters, digits, `-` and `_` (RFC 1123 2.1; names of other scripts in their ASCII
    form), or an IPv4 address: whatever ends in a number must be a whole one.
    """
    host, port = text, None
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            return False
        port = rest[1:] if rest else None
        return _is_ipv6(host) and (port is None or _is_port(port))
    if text.count(":") == 1:
        host, _, port = text.partition(":")
    if port is not None and not _is_port(port):
        return False
    return _is_ipv6(host) if ":" in host else _is_host(host)


def _is_port(text: str) -> bool:
    return _PORT.fullmatch(text) is not None and 0 < int(text) < 65536


def _is_ipv6(text: str) -> bool:
    import ipaddress  # here, because most commands read no server

    try:
        return "%" not in text and ipaddress.ip_address(text).version == 6
    except ValueError:
        return False


def _is_host(text: str) -> bool:
    name = text.removesuffix(".")
    labels = name.split(".")
    if len(name) > LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        return False
    if not labels[-1].isdigit():
        return True
    import ipaddress

    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
