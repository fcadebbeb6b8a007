"""International names (IDNA 2008, RFC 5890 to 5893): ordered as A-labels, shown as U-labels.

A name is mapped as UTS 46 says (case, width, the dots of East Asian scripts), and then held to IDNA 2008,
whichever of the two forms it was given in. Letters of scripts that look alike are not mixed in one label: a
Latin word with one Cyrillic letter is a slip of the keyboard, or worse. Its A-label says that it is meant.
"""

import re
import unicodedata

from stacks.provider.properties import Refused

ACE = "xn--"
LOOK_ALIKE = ("LATIN", "CYRILLIC", "GREEK")
_CODE_POINT = re.compile(r"U\+([0-9A-F]{4,6})")


def to_ascii(name: str) -> str:
    """The name with A-labels in lower case; `name` comes without `*.`. Raises Refused."""
    if name.isascii() and ACE not in name.lower():
        return name.lower()
    return ".".join(_a_label(each) for each in _mapped(name).split("."))


def shown(name: str) -> str:
    """The name as people write it, for messages and tables; a label of look-alikes stays an A-label."""
    return ".".join(_u_label(each) for each in name.split(".")) if ACE in name else name


def _mapped(name: str) -> str:
    import idna  # a large table, for names outside of ASCII only

    if name.isascii():
        return name.lower()
    try:
        return idna.uts46_remap(name, std3_rules=False)
    except idna.IDNAError as error:
        raise Refused(_why(error)) from None


def _a_label(label: str) -> str:
    if label.isascii() and not label.startswith(ACE):
        return label
    if label.startswith(ACE) and not label.isascii():
        raise Refused(
            f"has a label that begins with {ACE} and holds {_told(_first_outside(label))}; write it one way"
        )
    if scripts := _mixed(label):
        meant = _encoded(label)
        raise Refused(
            f"has a label that mixes {' and '.join(scripts)} letters, which look alike; "
            f"write {meant} if that is meant"
        )
    return _encoded(label)


def _encoded(label: str) -> str:
    import idna

    try:
        return idna.alabel(label).decode()
    except idna.IDNABidiError:
        raise Refused("mixes writing directions as no label may (RFC 5893)") from None
    except idna.IDNAError as error:
        raise Refused(_why(error)) from None


def _u_label(label: str) -> str:
    import idna

    try:
        text = idna.ulabel(label)
    except idna.IDNAError:
        return label
    return label if _mixed(text) else text


def _mixed(label: str) -> list[str]:
    """Which scripts that look alike it has, where they are more than one."""
    found = {unicodedata.name(each, "").partition(" ")[0] for each in label if each.isalpha()}
    scripts = [each.capitalize() for each in LOOK_ALIKE if each in found]
    return scripts if len(scripts) > 1 else []


def _why(error: Exception) -> str:
    """What the library found, in words of ours; it names a code point where one is the reason."""
    if found := _CODE_POINT.search(str(error)):
        return f"holds {_told(chr(int(found[1], 16)))}, which IDNA 2008 does not allow there"
    if "too long" in str(error).lower():
        return "has a label of more than 63 characters"
    if "ormalization" in str(error) or "combining" in str(error):
        return "has a label with a combining character that has nothing to combine with"
    if "hyphen" in str(error).lower():
        return "has hyphens where no label has them (RFC 5891 4.2.3.1)"
    return f"has a label that begins with {ACE} and is no A-label (RFC 5890 2.3.2.1)"


def _first_outside(label: str) -> str:
    return next(each for each in label if not each.isascii())


def _told(character: str) -> str:
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")
