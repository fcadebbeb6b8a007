"""Fields that name a file: a warning where the file is not there."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cli.printable import printable

if TYPE_CHECKING:
    from credentials.kinds import Kind


def warn_of_missing_files(kind: "Kind", given: Mapping[str, str]) -> None:
    """Say on stderr which of the fields given names a file that is not there now; it may come later."""
    for field in kind.fields:
        value = given.get(field.name, "")
        if field.path and value.startswith("/") and not Path(value).is_file():
            line = f"warning: {field.name} names no file that is there now: {value!r}"
            sys.stderr.write(printable(line) + "\n")
