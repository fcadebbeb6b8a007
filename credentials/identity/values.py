"""A credential's fields as SDKs and HTTP headers take them."""

from collections.abc import Mapping

from credentials.identity.errors import NotVerifiable
from credentials.secret import SecretBytes


def text(kind: str, fields: Mapping[str, SecretBytes], name: str, default: str = "") -> str:
    """The field `name` as printable ASCII; `default` where the credential has none.

    Raises NotVerifiable for anything else: no request can carry it, and what a library raises about it would
    show it.
    """
    if name not in fields:
        return default
    value = fields[name].reveal()
    if not value.isascii() or not value.decode("ascii").isprintable():
        raise NotVerifiable(kind, f"its {name} has characters that a request can't carry")
    return value.decode("ascii")
