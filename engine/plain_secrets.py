"""Secrets that stand in a configuration in plain text, told by how a provider's setting is called. Pure.

A project's own settings may be called as it likes; a provider's have the names that its package gives them.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

# How packages call what is secret in their configuration, in lower case and without - and _.
_ENDINGS: Final = (
    "accountkey", "apikey", "apptoken", "authkey", "passphrase", "password", "privatekey", "secret",
    "secretaccesskey", "secretkey", "token",
)  # fmt: skip
_PRIVATE_KEY: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\"private_key\"")


def found(title: str, values: Mapping[str, Any]) -> Iterator[str]:
    """The keys (`namespace:name`) of plain secrets in `values` of project `title`.

    A value is one of a stack's file, or what Pulumi.yaml says of a key: `{value: ...}` or `{default: ...}`. A
    sealed one, `{secure: ...}`, is none.
    """
    for key, value in values.items():
        namespace, _, name = key.rpartition(":")
        own = namespace.partition(":")[0] in ("", title)
        if _holds(name, value, own=own):
            yield key


def _holds(name: str, value: Any, *, own: bool) -> bool:
    if isinstance(value, str):
        return bool(_PRIVATE_KEY.search(value)) or (value != "" and not own and _is_secret(name))
    if isinstance(value, list):
        return any(_holds(name, item, own=own) for item in value)
    if not isinstance(value, dict) or "secure" in value:
        return False
    return any(
        _holds(name if inner in ("value", "default") else str(inner), item, own=own)
        for inner, item in value.items()
    )


def _is_secret(name: str) -> bool:
    return re.sub(r"[-_]", "", name).lower().endswith(_ENDINGS)
