"""How a record can be withdrawn by its name and value, kind by kind: what lego's CleanUp does (its 5.3.1).

Most of lego's providers look for the record by its name and value, so any process can withdraw it. Some know
it only by a number that the publishing process holds in memory. Some delete whatever stands at the name: that
is right where the value stands alone, and never where another one is beside it.
"""

import tomllib
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

from engine.dns_bindings import WITHOUT_MEMORY

CONSOLES = Path(__file__).with_name("dns_consoles.toml")

IN_MEMORY = frozenset(
    {"auroradns", "cloudflare", "digitalocean", "easydns", "gandi", "gandiv5", "glesys", "liquidweb", "ovh"}
)
"""Only the process that published can withdraw through lego."""
WHOLE_NAME = frozenset(
    {
        "azure", "bindman", "bluecat", "cloudns", "designate", "dnsimple", "dnsmadeeasy", "dode",
        "duckdns", "dyn", "gandi", "gandiv5", "gcloud", "joker", "namecheap", "namedotcom", "ns1", "otc",
        "rackspace", "selectel", "vegadns", "versio", "vscale", "vultr",
    }
)  # fmt: skip
"""Lego withdraws every TXT value of the name, or the first that it finds."""


def client_can(kind: str, *, own: bool, others: Collection[str]) -> bool:
    """Whether the kind's own client withdraws the value, and nothing but it.

    `own` says that this very process published it, `others` are values beside it that are to stay.
    """
    if kind in WITHOUT_MEMORY:
        return True
    return (own or kind not in IN_MEMORY) and not (others and kind in WHOLE_NAME)


def console(kind: str) -> str | None:
    """The address where a person deletes a record of such a provider by hand, where it is known."""
    return _consoles().get(kind)


@cache
def _consoles() -> Mapping[str, str]:
    found: Mapping[str, str] = tomllib.loads(CONSOLES.read_text(encoding="utf-8"))
    return found
