"""One field of a kind of credential, and what its value must look like."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from credentials.kinds.server import is_server
from credentials.kinds.url import fault_of_url

LONGEST_VALUE: Final = 65536  # characters
_IN_LINES: Final = "\n\r\t"
_JOINERS: Final = "\u200c\u200d"  # invisible, and part of words in some scripts
BETWEEN_RECORDS: Final = "sequence-interval"
_SECONDS: Final = re.compile(r"[0-9]{1,7}")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a kind. The reader of the kind files gives the meaning of each key, and its shape."""

    name: str
    label: str
    where_to_get: str
    secret: bool = False
    required: bool = False
    rotates: bool = False
    multiline: bool = False
    tuning: bool = False
    path: bool = False
    server: bool = False
    url: bool = False
    seconds: bool = False
    grows: bool = False
    least: int | None = None
    needs: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    expects: str | None = None
    default: str | None = None
    env: tuple[str, ...] = ()
    lego: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    file_name: str | None = None
    file_env: tuple[str, ...] = ()
    file_lego: tuple[str, ...] = ()
    file_aliases: tuple[str, ...] = ()

    @property
    def at_least(self) -> int | None:
        """How many seconds it must be. Without a pause is how one may publish; to wait for nothing, or to ask
        all the time, is not, and clients take no time at all for no limit.
        """
        if self.least is not None or not self.seconds:
            return self.least
        return 0 if self.name == BETWEEN_RECORDS else 1

    @property
    def variables(self) -> tuple[str, ...]:
        """Every environment variable that the value itself can come from, the first one first."""
        return tuple(dict.fromkeys((*self.env, *self.lego, *self.aliases)))

    @property
    def file_variables(self) -> tuple[str, ...]:
        """Every environment variable that can name a file with the value, the first one first."""
        return tuple(dict.fromkeys((*self.file_env, *self.file_lego, *self.file_aliases)))


def fault_of(one: Field, value: object) -> str | None:
    """What is wrong with a field's value, in words that do not repeat it; None if nothing is."""
    if not isinstance(value, str):
        return "is not text"
    if len(value) > LONGEST_VALUE:
        return f"has {len(value)} characters ({LONGEST_VALUE} at most)"
    for character in value:
        category = unicodedata.category(character)
        if category == "Cs":
            return "is not valid Unicode (it holds half of a surrogate pair)"
        if category == "Cc" and not (one.multiline and character in _IN_LINES):
            return f"holds a control character (U+{ord(character):04X})"
        if category == "Cf" and not (one.secret or one.multiline or character in _JOINERS):
            return f"holds an invisible character (U+{ord(character):04X})"
    if one.choices and value not in one.choices:
        return f"must be {' or '.join(one.choices)}"
    if one.pattern is not None and not re.fullmatch(one.pattern, value):
        return f"must be {one.expects}"
    if one.path and not value.startswith("/"):
        return "must be an absolute path"
    if one.seconds and not _SECONDS.fullmatch(value):
        return "must be a whole number of seconds"
    if (least := one.at_least) is not None and int(value) < least:
        return f"must be {least} second{'' if least == 1 else 's'} or more"
    if one.server and not is_server(value):
        return "must be a host or host:port (ports 1 to 65535), an IPv6 address with a port in brackets"
    if one.url and (one.pattern is None or "://" in value):
        return fault_of_url(value)
    return None
