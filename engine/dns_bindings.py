"""Which of a stack's credentials publishes its challenge records, decided from the bindings alone."""

from collections.abc import Mapping

from credentials import kinds
from engine.errors import EngineError

# Dynamic updates are tic's own: they add a value and delete a value, where lego's provider replaces the
# record set.
DYNAMIC_UPDATES = "rfc2136"
# What these do depends on nothing but the record, so any later process can withdraw what an earlier one
# published.
WITHOUT_MEMORY = frozenset({DYNAMIC_UPDATES, "exec", "httpreq"})


class NotBound(EngineError):
    """The stack asks for something that it is not bound to."""

    exit_code = 3


class ProviderUnclear(EngineError):
    """It can't be told which of the stack's credentials publishes the records."""

    exit_code = 2


def dns_binding(stack: str, bindings: Mapping[str, str], provider: str | None) -> tuple[str, str]:
    """The provider in `bindings` (provider -> token) that publishes for `stack`, and its token.

    `provider` None means the only one that can. Raises UnknownKind, NotBound or ProviderUnclear.
    """
    capable = {
        name: token
        for name, token in bindings.items()
        if name in kinds.names() and kinds.load(name).publishes_records
    }
    if provider is not None:
        provider = kinds.load(provider).name
        if provider in capable:
            return provider, capable[provider]
        raise NotBound(
            f"stack {stack} is bound to no {provider} credential that can publish DNS records",
            hint=f"make one: tic creds new NAME --provider {provider}; then: tic stack bind {stack} NAME",
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
