"""Making a stack: a project on disk (from a template, or one that is there), a row in the state, its
bindings.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from credentials import kinds
from engine import bindings, config, place, project
from engine.errors import EngineError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.installation import Installation
    from engine.state.stacks import Stack

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


class NewStackRefused(EngineError):
    """The stack can't be made as asked; nothing was written."""

    exit_code = 2


def new_stack(
    installation: "Installation",
    name: str,
    folder: Path,
    *,
    template: str | None,
    settings: Mapping[str, Any],
    providers: Iterable[str],
) -> "Stack":
    """Make stack `name` of the project in `folder`; with a template, write that project first.

    The stack is bound to the Active credential of each provider that it needs (SPEC B3). Raises
    NewStackRefused, Unauthorized, StackError; after an exception nothing is left behind.
    """
    from engine.state import stacks

    if not NAME.fullmatch(name):
        raise NewStackRefused(
            f"{name!r} is not a stack name",
            hint="use letters, digits, - _ and . (at most 100, no - or . in front)",
        )
    if template is None:
        found = project.read(folder)
        project.check_program(found)
        written: dict[Path, str] = {}
        title, stack_file = found.name, found.stack_file(name)
    else:
        title, stack_file = name, folder / f"Pulumi.{name}.yaml"
    with installation.vault.change("stack.new") as change:
        connection = change.connection
        if template is not None:
            settings, needed = _resolve(connection, template, settings, providers)
            written = _project_files(template, folder, name)
        else:
            needed = [kinds.load(provider).name for provider in providers]
        if settings:
            written[stack_file] = config.with_values(stack_file, title, settings)
        stack = stacks.create(connection, title, name, str(folder))
        bindings.need(connection, stack.id, needed)
        change.about(stack=stack.full_name)
        where = place.of_stack(title, folder)
        for binding in bindings.complete(connection, stack.id, stack.full_name, where):
            change.further.append(bindings.event(stack.full_name, binding))
        _write(written, fresh=folder if template is not None else None)
    return stack


def _resolve(
    connection: "Connection", template: str, settings: Mapping[str, Any], providers: Iterable[str]
) -> tuple[dict[str, Any], list[str]]:
    """The settings with their provider filled in, and the providers that the stack needs."""
    from stacks import templates

    chosen = templates.load(template)
    complete = dict(settings)
    if "provider" in chosen.settings and not complete.get("provider"):
        complete["provider"] = next(iter(providers), None) or _only_dns_provider(connection)
    templates.check(chosen, complete)
    needed = [*providers, *chosen.providers]
    if complete.get("provider"):
        needed.append(complete["provider"])
    needed = [kinds.load(provider).name for provider in needed]
    if complete.get("eabCredential"):
        needed.append("acme-account")
    return complete, list(dict.fromkeys(needed))


def _only_dns_provider(connection: "Connection") -> str:
    """The one kind that can publish DNS records and has an Active credential or an enabled role."""
    able = sorted(kind for kind in bindings.active_kinds(connection) if kinds.load(kind).publishes_records)
    if len(able) == 1:
        return able[0]
    if not able:
        raise NewStackRefused(
            "no Active credential and no enabled role in the vault can publish DNS records",
            hint="add one: tic creds new NAME --provider P (see tic creds kinds), or try: tic sandbox up",
        )
    raise NewStackRefused(
        f"more than one provider can publish the challenge records: {', '.join(able)}",
        hint=f"say which: --set provider={able[0]}",
    )


def _project_files(template: str, folder: Path, name: str) -> dict[Path, str]:
    from stacks import templates

    if folder.exists() and any(folder.iterdir()):
        raise NewStackRefused(
            f"the folder {folder} is not empty",
            hint="choose another with --dir, or leave --template out to use its project",
        )
    chosen = templates.load(template)
    files = {folder / path: text for path, text in chosen.files.items()}
    project_file = folder / "Pulumi.yaml"
    files[project_file] = re.sub(r"(?m)^name: .*$", f"name: {name}", files[project_file], count=1)
    return files


def _write(files: Mapping[Path, str], *, fresh: Path | None) -> None:
    """Write each file whole; on failure those of the `fresh` folder are removed again."""
    made: list[Path] = []
    try:
        for path, text in files.items():
            if fresh is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                made.append(path)
            config.replace(path, text)
    except (OSError, config.ConfigRefused) as error:
        for path in made:
            path.unlink(missing_ok=True)
        raise NewStackRefused(
            f"{error.filename or fresh} can't be written: {error.strerror}"
            if isinstance(error, OSError)
            else str(error),
            hint="nothing was made; free or open it, and try again",
        ) from error
