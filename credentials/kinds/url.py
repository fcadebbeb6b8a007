"""What is a URL of a server: http or https, a host, a port or none, and nobody's name in it (RFC 3986)."""

import re
from typing import Final

from credentials.kinds.server import is_server

_PLACE: Final = re.compile(r"https?://([^/?#\s\\]*)[^\s\\]*")


def fault_of_url(text: str) -> str | None:
    """What is wrong with a URL, in words that do not repeat it; None if nothing is.

    A user name or a password in it would be kept, and shown, as what is no secret. What programs read
    differently is refused: white space, backslashes, an IPv6 address without its brackets.
    """
    found = _PLACE.fullmatch(text)
    if found is None:
        return "must be a URL that begins with https:// or http://, without spaces and backslashes"
    authority = found[1]
    if "@" in authority:
        return "must not have a user name or a password in it: they belong into fields of their own"
    if not is_server(authority) or (authority.count(":") > 1 and not authority.startswith("[")):
        return "must name a host after ://, with a port from 1 to 65535 or none, an IPv6 address in brackets"
    return None
