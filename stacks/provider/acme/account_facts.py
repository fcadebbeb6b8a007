"""What is said of an account without asking anybody: its type, its contacts as URLs (RFC 8555 7.3)."""

import re
from collections.abc import Iterable

from stacks.provider.properties import Refused

ACCOUNT = "tic:acme/account:Account"
FIRST_KEY_EPOCH = 1
MAILTO = "mailto:"
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def contact_urls(email: str | None, contacts: Iterable[str] | None) -> list[str]:
    """What the CA is told, each once: the one address, then the further contacts in their order."""
    addresses = [email] if email else []
    return list(dict.fromkeys(_url(each) for each in (*addresses, *(contacts or ()))))


def email(given: str) -> str:
    """One address, without what a `mailto:` URL may not hold here (RFC 8555 7.3)."""
    address = given.strip().removeprefix(MAILTO)
    if (
        address.count("@") != 1
        or address.startswith("@")
        or address.endswith("@")
        or set(address) & set(",? \t")
    ):
        raise Refused("must be one e-mail address")
    return address


def contacts(given: list[str]) -> list[str]:
    """E-mail addresses as they are, other URLs (`tel:`) for a CA that takes them; refuses what is neither."""
    taken, wrong = [], []
    for index, each in enumerate(given):
        try:
            taken.append(_contact(each))
        except Refused as refused:
            wrong += [(f"[{index}]", reason) for _, reason in refused.reasons]
    if wrong:
        raise Refused(*wrong)
    return taken


def _contact(given: str) -> str:
    text = given.strip()
    if text.lower().startswith(MAILTO) or not _SCHEME.match(text):
        try:
            return email(text)
        except Refused:
            raise Refused("must be one e-mail address, or a URL such as tel:+15550100") from None
    if set(text) & set(" \t"):
        raise Refused("must be one e-mail address, or a URL such as tel:+15550100")
    return text


def _url(contact: str) -> str:
    return contact if _SCHEME.match(contact) else MAILTO + contact
