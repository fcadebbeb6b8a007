"""Which certificate an order replaces (RFC 9773 5): so the CA knows of the renewal, and limits it less."""

from collections.abc import Iterable, Mapping
from typing import Any

from stacks.broker import StateResource
from stacks.provider.acme.certificates import renewal_id
from stacks.provider.resource import Values

SAME = ("directoryUrl", "accountUri")


def predecessor(
    held: Iterable[StateResource], state: Values, inputs: Values, directory: Mapping[str, Any]
) -> str | None:
    """The identifier (4.1) of the certificate that an order for `inputs` replaces; None where there is none.

    `held` are the stack's certificates before the run, `state` is the order before. Where no certificate came
    out of that, the new one replaces what it was to replace. Only a certificate of the same account is named,
    one of whose names is ordered again, and only to a CA that offers renewal information.
    """
    if not directory.get("renewalInfo") or any(state.get(each) != inputs.get(each) for each in SAME):
        return None
    if not set(state.get("domains") or ()) & set(inputs["domains"]):
        return None
    issued = next((each for each in held if each.outputs.get("orderUrl") == state["orderUrl"]), None)
    if issued is None:
        told = state.get("replaces")
        return str(told) if told else None
    return _identifier(issued.outputs)


def _identifier(certificate: Mapping[str, Any]) -> str | None:
    try:
        return renewal_id(certificate["certificatePem"])
    except (KeyError, ValueError, AttributeError):  # plain outputs that somebody declared secret
        return None
