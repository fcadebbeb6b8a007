"""Which of a stack's credentials publishes its challenge records, decided from the bindings alone."""

from collections.abc import Mapping

from credentials import kinds, slots
from engine.errors import EngineError

# Dynamic updates are tic's own: they add a value and delete a value, where lego's provider replaces the
# record set.
DYNAMIC_UPDATES = "rfc2136"
# So does PowerDNS's API, but lego's provider also gives what stands at the name its own TTL.
POWERDNS = "pdns"
# And these clouds: what lego's clients of them do is in docs/decisions/cloud-dns.md.
CLOUDS = frozenset({"alicloud", "baiducloud", "huaweicloud", "jdcloud", "tencentcloud", "volcengine"})
# What these do depends on nothing but the record, so any later process can withdraw what an earlier one
# published.
WITHOUT_MEMORY = frozenset({DYNAMIC_UPDATES, POWERDNS, "exec", "httpreq"}) | CLOUDS
# Their clients may be asked by several threads at once.
AT_ONCE = frozenset({DYNAMIC_UPDATES, POWERDNS}) | CLOUDS
# ACME-DNS knows no withdrawal: a value stays until two newer ones have pushed it out, at a name that serves
# nothing else.
ACME_DNS = "acme-dns"


class NotBound(EngineError):
    """The stack asks for something that it is not bound to."""

    exit_code = 3


class ProviderUnclear(EngineError):
    """It can't be told which of the stack's credentials publishes the records."""

    exit_code = 2


def dns_binding(stack: str, bindings: Mapping[str, str], provider: str | None) -> tuple[str, str]:
    """The provider in `bindings` (provider or `provider:slot` -> token) that publishes for `stack`, and the
    token.

    `provider` None means the only one that can; a slot is meant only where it is named. Raises UnknownKind,
    NotBound or ProviderUnclear.
    """
    capable = {key: token for key, token in bindings.items() if _publishes(slots.parts(key)[0])}
    if provider is not None:
        kind, slot = slots.parts(provider)
        kind = kinds.load(kind).name
        if slots.key(kind, slot) in capable:
            return kind, capable[slots.key(kind, slot)]
        raise NotBound(
            f"stack {stack} is bound to no {provider} credential that can publish DNS records",
            hint=f"make one: tic creds new NAME --provider {kind}; then: tic stack bind {stack} NAME"
            + (f" --as {slot}" if slot else ""),
        )
    named = sorted(key for key in capable if slots.parts(key)[1])
    capable = {key: token for key, token in capable.items() if key not in named}
    if named and not capable:
        raise ProviderUnclear(
            f"of the credentials that can publish DNS records stack {stack} has {', '.join(named)} alone",
            hint=f"say which one serves the record: `provider: {named[0]}` of the challenge record",
        )
    if not capable:
        raise NotBound(
            f"stack {stack} is bound to no credential that can publish DNS records",
            hint=f"make one: tic creds new NAME --provider KIND; then: tic stack bind {stack} NAME",
        )
    if len(capable) > 1:
        raise ProviderUnclear(
            f"stack {stack} is bound to several credentials that can publish DNS records: "
            f"{', '.join(sorted(capable))}",
            hint="say which one serves the record: `provider` of the challenge record",
        )
    return next(iter(capable.items()))


def _publishes(kind: str) -> bool:
    return kind in kinds.names() and kinds.load(kind).publishes_records
