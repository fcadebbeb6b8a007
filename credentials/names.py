"""What a credential may be called: something that can be typed, read back and printed anywhere."""

import unicodedata
from typing import Final

from credentials.errors import CredentialError

LONGEST: Final = 64
TOKEN_PREFIX: Final = "tic_"  # noqa: S105  # how a public identifier begins
_PUNCTUATION: Final = "._@+-"


class BadName(CredentialError):
    """The name can't be used; the message says why without printing what it can't print."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"this name can't be used: {why}",
            hint=f"take letters, digits and {' '.join(_PUNCTUATION)}, beginning with a letter or digit, "
            f"{LONGEST} at most",
        )


def checked_name(name: str) -> str:
    """`name` in Unicode's composed form (NFC); raises BadName.

    Letters, marks and digits of any script are fine. Whatever begins like a token is not, so that a reference
    is either a name or a token.
    """
    name = unicodedata.normalize("NFC", name)
    if not name:
        raise BadName("it is empty")
    if len(name) > LONGEST:
        raise BadName(f"it has {len(name)} characters")
    if name[0] == "-":
        raise BadName("it begins with '-', so commands would take it for an option")
    if name.startswith(TOKEN_PREFIX):
        raise BadName(f"{TOKEN_PREFIX!r} is how tokens begin")
    for character in name:
        if unicodedata.category(character)[0] not in "LMN" and character not in _PUNCTUATION:
            shown = repr(character) if character.isprintable() else f"U+{ord(character):04X}"
            raise BadName(f"it contains {shown}")
    if unicodedata.category(name[0])[0] not in "LN":
        raise BadName(f"it begins with {name[0]!r}")
    return name
