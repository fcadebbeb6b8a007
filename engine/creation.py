"""Making a stack: a project on disk (from a template, or one that is there), a row in the state, its
bindings.
"""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import bindings, project
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
        written: dict[Path, str] = {}
        title = found.name
    else:
        title = name
    with installation.database.write() as connection:
        if template is not None:
            settings, needed = _resolve(connection, template, settings, providers)
            written = _project_files(template, folder, name)
        else:
            needed = list(providers)
        written |= _stack_file(folder, title, name, settings)
        stack = stacks.create(connection, title, name, str(folder))
        bindings.need(connection, stack.id, needed)
        bindings.complete(connection, stack.id, stack.full_name)
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
    needed = [*providers, *([complete["provider"]] if complete.get("provider") else [])]
    if complete.get("eabCredential"):
        needed.append("acme-account")
    return complete, list(dict.fromkeys(needed))


def _only_dns_provider(connection: "Connection") -> str:
    """The one kind that can publish DNS records and has an Active credential."""
    from credentials import kinds

    able = sorted(kind for kind in bindings.active_kinds(connection) if kinds.load(kind).publishes_records)
    if len(able) == 1:
        return able[0]
    if not able:
        raise NewStackRefused(
            "no Active credential in the vault can publish DNS records",
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


def _stack_file(folder: Path, title: str, name: str, settings: Mapping[str, Any]) -> dict[Path, str]:
    """`Pulumi.<stack>.yaml` with the settings; what stands in it already stays."""
    if not settings:
        return {}
    import yaml

    path = folder / f"Pulumi.{name}.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    config = {
        **(document or {}).get("config", {}),
        **{_key(title, key): value for key, value in settings.items()},
    }
    return {path: yaml.safe_dump({**(document or {}), "config": config}, sort_keys=True, allow_unicode=True)}


def _key(title: str, key: str) -> str:
    return key if ":" in key else f"{title}:{key}"


def _write(files: Mapping[Path, str], *, fresh: Path | None) -> None:
    """Write each file beside its place and rename it; `fresh` names a folder that is removed again on
    failure.
    """
    made: list[Path] = []
    try:
        for path, text in files.items():
            if fresh is not None and not path.parent.exists():
                path.parent.mkdir(parents=True)
            beside = path.with_name(f".{path.name}.{os.getpid()}")
            made.append(beside)
            with beside.open("w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(path)
            if fresh is not None:
                made.append(path)
    except OSError as error:
        for path in made:
            path.unlink(missing_ok=True)
        raise NewStackRefused(
            f"{error.filename or fresh} can't be written: {error.strerror}",
            hint="nothing was made; free or open it, and try again",
        ) from error
