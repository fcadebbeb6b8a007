"""The variables of the environment that open a vault, taken out of it before anything is started.

Children inherit the environment: engines, plugins, a program of the user's. `withdraw` comes first in every
process of tic's, and keeps for this process alone what the variables hold. (Whoever may look into the process
sees them all the same, which is why a file is the better way.)
"""

import os
from collections.abc import Mapping, MutableMapping
from typing import Final

KEY: Final = "TIC_KEY"
NEW_KEY: Final = "TIC_NEW_KEY"
PASSPHRASE: Final = "TIC_PASSPHRASE"  # noqa: S105  the name of a variable
NEW_PASSPHRASE: Final = "TIC_NEW_PASSPHRASE"  # noqa: S105  the name of a variable
BACKUP_PASSPHRASE: Final = "TIC_BACKUP_PASSPHRASE"  # noqa: S105  the name of a variable
VARIABLES: Final = (
    KEY,
    NEW_KEY,
    PASSPHRASE,
    NEW_PASSPHRASE,
    BACKUP_PASSPHRASE,
    *(f"{name}_FILE" for name in (PASSPHRASE, NEW_PASSPHRASE, BACKUP_PASSPHRASE)),
)
"""What no child of tic may see; where the files are is kept from them as well."""

_held: Final[dict[str, str]] = {}


def withdraw(environ: MutableMapping[str, str] = os.environ) -> None:
    """Take the variables out of `environ`, which children inherit; `variable` still finds them."""
    for name in VARIABLES:
        if name in environ:
            _held[name] = environ.pop(name)


def variable(name: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """What a variable holds, or held before `withdraw`; None where it is empty or not set."""
    return environ.get(name) or (_held.get(name) if environ is os.environ else None) or None
