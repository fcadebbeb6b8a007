"""What is told of a stack that has moved out or in."""

from pathlib import Path
from typing import TYPE_CHECKING

from cli.telling import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.config_reseal import Resealed
    from engine.project import Project
    from engine.state.stacks import Stack
    from engine.state.untyped import Untyped
    from engine.state_import import Imported


def resources(count: int) -> str:
    """How many, in words."""
    return "1 resource" if count == 1 else f"{count} resources"


def secrets(count: int) -> str:
    """How many, in words."""
    return "1 secret" if count == 1 else f"{count} secrets"


def tell_exported(stack: "Stack", state: "Untyped", how: str, file: Path | None) -> None:
    """What was written, who opens it, and what comes next."""
    count, place = state.secrets(), f" to {file}" if file else ""
    say(f"the state of {stack.full_name} is written{place}: {resources(len(state.resources))}")
    if how == "passphrase":
        say(f"  {secrets(count.sealed)} under the passphrase")
        say("  next: PULUMI_CONFIG_PASSPHRASE=... pulumi stack import --stack NAME --file FILE")
    elif how == "shown" and count.shown:
        say(f"  {secrets(count.shown)} in plaintext: whoever reads it has them")
        say("  next: tic stack import-state STACK FILE, and remove the file")
    elif count.sealed:
        say(f"  {secrets(count.sealed)}, sealed: only this vault opens them, with: tic stack import-state")
        say(f"  for another place: tic stack export-state {stack.full_name} --passphrase")


def tell(done: "Imported") -> None:
    """What came in, and what serves it."""
    name = done.stack.full_name
    how = "is made" if done.made else "has a new state"
    say(f"{name} {how}: {resources(done.resources)}, version {done.version}")
    if done.sealed:
        say(f"  {secrets(done.sealed)} sealed by the vault")
    if done.renamed is not None:
        say(f"  its resources were those of {'/'.join(done.renamed)}, and have its name now")
    if done.repaired is not None:
        say(f"  repaired, because the engine would have refused it: {done.repaired}")
    for residue in done.caught:
        say(f"  warning: {residue}")
    if done.pending:
        say(f"  {done.pending} of its operations were cut short, and are resolved at the next run")
    for each in done.bound:
        if each.token or each.by_role:
            served = "its linked role" if each.by_role else f"credential {each.credential}"
            say(f"  {each}: bound to {served}")
    for provider, why in done.unserved.items():
        say(f"  {provider}: bound to nothing yet: {getattr(why, 'hint', why)}")
    for package in done.needs.unknown:
        say(f"  {package}: no kind of credential is known; pass variables on: tic stack up --env NAME")


def tell_config(stack: "Stack", where: "Project | None", sealed: "Sequence[Resealed]") -> None:
    """What became of the stack's configuration, what is left to do for it, and what comes next."""
    from engine import config_reseal

    for each in sealed:
        say(f"  {each.path} is its configuration: {secrets(each.secrets)} sealed by the vault")
    if where is None and not stack.folder:
        say(f"  the folder of project {stack.project} is not known yet: go there before the next command")
    found = config_reseal.foreign(where.stack_file(stack.name)) if where is not None else None
    if found is not None:
        count = secrets(len(found.keys))
        say(f"  {found.path} names another secrets provider, which sealed {count}; let the vault seal them:")
        say(f"    tic stack import-state {stack.full_name} --config {found.path}")
    say(f"  next: tic stack preview {stack.full_name}")
