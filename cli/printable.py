"""Text from elsewhere (a program, a provider, a project file), made safe for a terminal."""

import unicodedata

UNSAFE = ("Cc", "Cf", "Cs")  # control, format, surrogate: could move the cursor or reverse the line


def printable(text: str) -> str:
    """The text with `?` in place of each unsafe character; line ends and tabs stay."""
    if text.isprintable():
        return text
    return "".join(one if one in "\n\t" or unicodedata.category(one) not in UNSAFE else "?" for one in text)
