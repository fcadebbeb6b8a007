"""The DNS record that answers a DNS-01 challenge (RFC 8555 8.4)."""

import base64
import hashlib
from dataclasses import dataclass

import dns.exception
import dns.name

from stacks.errors import StackError

LABEL = "_acme-challenge"


class IdentifierMalformed(StackError):
    """What should be a domain name is none."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Challenge:
    """One authorization's challenge; nothing in it is a secret. The identifier may begin with `*.`."""

    identifier: str
    token: str
    key_authorization: str

    @property
    def domain(self) -> str:
        """The domain name that is proved, in lower case, without the final dot."""
        return record_name(self.identifier).removeprefix(f"{LABEL}.")

    @property
    def name(self) -> str:
        """Where the CA looks first, in lower case, without the final dot; a CNAME may lead elsewhere."""
        return record_name(self.identifier)

    @property
    def value(self) -> str:
        """The TXT value: base64url(SHA-256(key authorization)), 43 characters."""
        return record_value(self.key_authorization)


def record_name(identifier: str) -> str:
    """`_acme-challenge.` and the identifier; raises IdentifierMalformed where that is no DNS name."""
    plain = identifier.removeprefix("*.").rstrip(".").lower()
    try:
        plain.encode("ascii")
        name = dns.name.from_text(f"{LABEL}.{plain}.")
    except (UnicodeEncodeError, dns.exception.DNSException) as error:
        raise _malformed(identifier) from error
    if not plain or len(name) < 3 or any(character in plain for character in '\\"@;()$ \t\r\n'):
        raise _malformed(identifier)
    return f"{LABEL}.{plain}"


def record_value(key_authorization: str) -> str:
    """base64url(SHA-256(key authorization)) without padding."""
    digest = hashlib.sha256(key_authorization.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _malformed(identifier: str) -> IdentifierMalformed:
    return IdentifierMalformed(
        f"{identifier!r} is not a domain name that a DNS-01 challenge can be made for",
        hint="give ASCII names such as example.org; write names in other scripts in their xn-- form",
    )
