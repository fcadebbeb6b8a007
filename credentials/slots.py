"""Slots: the names of a stack's further credentials of one provider, beside the provider's own.

A binding to slot `prod` of `alicloud` is kept as `alicloud:prod`. What it delivers has the slot's name in
front (`PROD_ALICLOUD_ACCESS_KEY`), so nothing reads it by itself: a program gives it to one instance of its
provider with Pulumi's `envVarMappings`, which overlay the variables of that instance, as far as they are set.
"""

import re
from typing import Final

from credentials import kinds
from credentials.errors import CredentialError

LONGEST: Final = 30
_NAME: Final = re.compile(rf"[a-z][a-z0-9-]{{0,{LONGEST - 1}}}")
# What the engine gets of a linked role in place of keys (`engine.role_delivery`).
_OF_ROLES: Final = {"aws": ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_CREDENTIALS_FULL_URI")}


class BadSlot(CredentialError):
    """What was given is no name of a slot."""

    exit_code = 2

    def __init__(self, given: str) -> None:
        super().__init__(
            f"{given[:64]!r} is not the name of a slot",
            hint=f"use at most {LONGEST} lower-case letters, digits and -, a letter first: --as prod",
        )


def checked(name: str) -> str:
    """The name, if a slot may have it; raises BadSlot. Different names make different variables."""
    if not _NAME.fullmatch(name):
        raise BadSlot(name)
    return name


def key(kind: str, slot: str = "") -> str:
    """How a binding is kept; "" is the provider's own, which nothing needs to name."""
    return f"{kind}:{slot}" if slot else kind


def parts(kept: str) -> tuple[str, str]:
    """The kind and the slot of what `key` made."""
    kind, _, slot = kept.partition(":")
    return kind, slot


def mark(slot: str) -> str:
    """What stands before each variable of the slot; nothing for the provider's own."""
    return f"{slot.replace('-', '_').upper()}_" if slot else ""


def mapping(kind: str, slot: str) -> dict[str, str]:
    """Pulumi's `envVarMappings` for an instance of the provider: from the slot's variables to the provider's.

    All that a credential of the kind can fill, whichever fields it has: so the mapping, which the state
    keeps, stays as it is when another credential takes the slot.
    """
    known = kinds.load(kind)
    names = {name for field in known.fields for name in (*field.env, *field.file_env)}
    names.update(name for file in known.built for name in file.env)
    names.update(name for constants in known.constants for name in constants.env)
    names.update(_OF_ROLES.get(known.name, ()))
    return {mark(slot) + name: name for name in sorted(names)}
