"""The accounts of an ACME-DNS server, as its clients keep them: JSON, by the domain that each answers for.

{"example.org": {"fulldomain": "1b2c.auth.example.net", "subdomain": "1b2c", "username": "...",
"password": "...", "server_url": "https://auth.example.net"}}; `server_url` is absent in older files.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from credentials.files.unfit import UnfitFile
from credentials.secret import SecretBytes

_PARTS: Final = ("fulldomain", "subdomain", "username", "password")


@dataclass(frozen=True, slots=True)
class Account:
    """What may set the TXT values of `fulldomain`, and of nothing else."""

    fulldomain: str
    subdomain: str
    username: str
    password: SecretBytes
    server_url: str = ""

    def is_of(self, server_url: str) -> bool:
        """Whether it was registered at this server; older accounts don't say."""
        return not self.server_url or self.server_url.rstrip("/") == server_url.rstrip("/")


Accounts = Mapping[str, Account]


def read(content: bytes) -> dict[str, Account]:
    """The accounts by domain; none where nothing was kept yet. Raises UnfitFile, which repeats none of it."""
    if not content.strip():
        return {}
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise _unfit("it is not JSON") from None
    if not isinstance(found, dict):
        raise _unfit("it is not a JSON object")
    return {domain: _account(number, one) for number, (domain, one) in enumerate(found.items(), 1)}


def written(accounts: Accounts) -> str:
    """The file's text."""
    plain = {
        domain: {
            "fulldomain": one.fulldomain,
            "subdomain": one.subdomain,
            "username": one.username,
            "password": one.password.reveal().decode(),
            "server_url": one.server_url,
        }
        for domain, one in sorted(accounts.items())
    }
    return json.dumps(plain)


def check(content: bytes) -> None:
    """Raise UnfitFile unless these are accounts."""
    read(content)


def secrets_in(content: bytes) -> tuple[bytes, ...]:
    """What of the accounts is secret by itself: every password."""
    return tuple(one.password.reveal() for one in read(content).values())


def _account(number: int, one: object) -> Account:
    texts = one if isinstance(one, dict) else {}
    parts = [texts.get(name) for name in _PARTS]
    server = texts.get("server_url", "")
    if not all(isinstance(part, str) and part and part.isprintable() for part in parts) or not isinstance(
        server, str
    ):
        raise _unfit(f"its account {number} lacks one of {', '.join(_PARTS)}")
    fulldomain, subdomain, username, password = map(str, parts)
    return Account(fulldomain, subdomain, username, SecretBytes(password.encode()), server)


def _unfit(fault: str) -> UnfitFile:
    return UnfitFile(
        "the file of ACME-DNS accounts",
        fault,
        hint="give the JSON file that lego, or another client, keeps its accounts in; "
        "or leave accounts out: what is missing is registered",
    )
