"""How a command speaks: lines for a person on stderr, JSON on stdout; nothing in either steers a terminal."""

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from cli.printable import printable


def say(line: str) -> None:
    """One line on stderr; a closed terminal hides nothing, because the exit code tells how it ended."""
    with suppress(OSError):
        sys.stderr.write(printable(line) + "\n")
        sys.stderr.flush()


def print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """JSON as people read it; what a terminal would obey (JSON itself lets some of it through) is escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if not text.replace("\n", "").isprintable():
        text = "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
