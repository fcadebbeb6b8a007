"""Where the vault key comes from, and what it is. It wraps the random data key that seals the vault."""

from credentials.keys.asking import Ask, at_terminal
from credentials.keys.established import Established
from credentials.keys.file import KEY_FILE, NEXT_FILE, make_key_file, read_key_file
from credentials.keys.form import KEY_BYTES, KeyUnusable, as_text, key_id, new_key
from credentials.keys.former import former_of, formers
from credentials.keys.passphrase import Cost
from credentials.keys.source import (
    SOURCES,
    Maker,
    UnknownSource,
    establish,
    forget,
    place,
    prepare,
    settle,
    unlock,
)

__all__ = [
    "KEY_BYTES",
    "KEY_FILE",
    "NEXT_FILE",
    "SOURCES",
    "Ask",
    "Cost",
    "Established",
    "KeyUnusable",
    "Maker",
    "UnknownSource",
    "as_text",
    "at_terminal",
    "establish",
    "forget",
    "former_of",
    "formers",
    "key_id",
    "make_key_file",
    "new_key",
    "place",
    "prepare",
    "read_key_file",
    "settle",
    "unlock",
]
