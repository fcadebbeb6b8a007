"""Runs a command with credentials: in its environment, and in private files that are gone afterwards."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine import delivery, foreground, place

if TYPE_CHECKING:
    from credentials.credential import OpenedCredential
    from engine.installation import Installation


def execute(installation: "Installation", references: Sequence[str], argv: Sequence[str]) -> int:
    """Run `argv` with these credentials; returns its exit code, 128 + n where signal n ended it.

    Without files to remove afterwards, this process becomes the command. Raises CommandNotFound and
    CommandNotRun and NothingToDeliver, before anything is opened where that can be seen; what `Vault.opened`
    and `credentials.delivery.for_command` raise, and then the audit log says of the opening that it failed.
    """
    from credentials.delivery import check_command, environment, for_command

    environ = dict(os.environ)
    program = foreground.find(argv[0], environ)
    here = place.of_folder(Path.cwd())
    purpose = f"exec {Path(argv[0]).name}"
    vault = installation.vault
    for reference in references:
        check_command(vault.find(reference), vault.field_names(reference))
    opened: list[OpenedCredential] = []
    for reference in references:
        one = vault.opened(
            reference, purpose=purpose, place=here, check=lambda new: for_command([*opened, new])
        )
        opened.append(one)
    handed = for_command(opened)
    installation.database.close()
    delivery.sweep(installation.home, environ)
    if not handed.files:
        foreground.become(program, argv, environment(handed, environ, {}))
    with foreground.signals_held() as mask, delivery.command_folder(installation.home, environ) as folder:
        paths = delivery.write(folder, handed.files)
        return foreground.run(program, argv, environment(handed, environ, paths), mask=mask)
