"""Taking a stack in: what is read, asked, done and told for `tic stack import-state`."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cli import stack_moved
from cli.consent import confirm
from cli.move_passphrase import Passphrases
from cli.stack_moved import resources
from cli.stack_options import Usage, choose
from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.installation import Installation
    from engine.state.stacks import Stack

LARGEST = 256 * 1024 * 1024  # bytes


def take_in(
    installation: "Installation",
    name: str,
    content: bytes,
    config_file: Path | None,
    project_name: str | None,
    phrases: Passphrases,
    *,
    rename: bool,
    force: bool,
    yes: bool,
) -> None:
    """Make what was read the stack's state, with its configuration file if one is named, and tell of it."""
    from engine import config_reseal, project
    from engine.config_reseal import Resealed
    from engine.state import untyped
    from engine.state_import import import_state
    from engine.state_target import target_of

    here = project.find(Path.cwd())
    state = untyped.read(content)
    target = target_of(state, name, project_name, here.name if here else None)
    target = replace(target, renames=rename, replaces=force)
    where = here if here is not None and here.name == target.project else None
    move = None
    if config_file is not None:
        before = next((owner for owner, _stack in state.owners() if owner != target.project), None)
        renaming = (before, target.project) if before else None
        move = config_reseal.move(config_file, where, target.name, renaming)
    if force:
        _confirm_force(installation, target.full_name, yes=yes)
    sealed: list[Resealed] = []

    def configure(stack: "Stack") -> None:
        if move is not None:
            sealed.append(move.prepared(installation.vault, stack, phrases.known))

    done = import_state(
        installation,
        state,
        target,
        folder=where.folder if where else None,
        phrase=phrases.known,
        message="moved in from another backend",
        also=configure,
    )
    stack_moved.tell(done)
    try:
        for each in sealed:
            each.write()
    except EngineError as failed:
        failed.hint += f"; the state is in, so then: tic stack import-state {name} --config {config_file}"
        raise
    stack_moved.tell_config(done.stack, where, sealed)


def _confirm_force(installation: "Installation", full_name: str, *, yes: bool) -> None:
    from engine.state import stacks, versions

    project, _, name = full_name.rpartition("/")
    with installation.database.read() as connection:
        known = stacks.find(connection, project, name)
        count = versions.resource_count(connection, known.id) if known else 0
    if count:
        confirm(
            f"let {full_name} forget its {resources(count)}? They stay where they are",
            f"--force lets {full_name} forget its {resources(count)}",
            f"tic stack import-state {full_name} FILE --force --yes",
            yes=yes,
        )


def take_config_in(installation: "Installation", name: str, config_file: Path, phrases: Passphrases) -> None:
    """Let the vault seal the secrets of a stack's file."""
    from engine import config_reseal, project

    stack = choose(installation, name)
    where = project.of_stack(stack.project, stack.folder, Path.cwd())
    move = config_reseal.move(config_file, where, stack.name, None)
    sealed = move.prepared(installation.vault, stack, phrases.known)
    sealed.write()
    stack_moved.tell_config(stack, where, [sealed])


def read(name: str) -> bytes:
    """The state in a file; - is stdin. Raises Usage."""
    try:
        if name == "-":
            content = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with Path(name).open("rb") as stream:
                content = stream.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "that is not a path"
        raise Usage(
            f"the state {name!r} can't be read: {reason}",
            hint="give a file that `pulumi stack export` has written",
        ) from None
    if len(content) > LARGEST:
        raise Usage(f"the state is larger than {LARGEST} bytes", hint="give one stack's state at a time")
    return content
