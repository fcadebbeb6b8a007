"""The inputs of a component that are about the keys of the accounts that it makes itself."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stacks.provider.acme.account import Account
from stacks.provider.properties import Property
from stacks.typed import python_name

_NAMES = {"keyType": "accountKeyType", "keyEpoch": "accountKeyEpoch"}
_WORDS = {
    "keyType": "The type of the account's own key. Another one gives the account a new key (RFC 8555 7.3.5).",
    "keyEpoch": "Raise it by one for a new key of the account (7.3.5); certificate and account stay.",
}
PROPERTIES: tuple[Property, ...] = tuple(
    replace(each, name=_NAMES[each.name], description=_WORDS[each.name])
    for each in Account.inputs
    if each.name in _NAMES
)


def arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """For an account of the component, by their names in Python."""
    return {python_name(name): given[outside] for name, outside in _NAMES.items() if outside in given}
