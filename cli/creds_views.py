"""`tic creds list|show`: what there is, on stdout."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import table
from cli.creds_options import AsJson, Reference, Yes
from cli.printable import printable
from cli.telling import print_json

if TYPE_CHECKING:
    from credentials.credential import CredentialView, KeptVersion

_SPANS = ((60, "s"), (60, "min"), (24, "h"), (365, "d"))


def register(app: typer.Typer) -> None:
    """Add the views to `tic creds`."""
    app.command("list")(list_credentials)
    app.command("show")(show)


def list_credentials(
    here: Annotated[bool, typer.Option("--here", help="Only what may be used in this folder.")] = False,
    as_json: AsJson = False,
) -> None:
    """All credentials: name, provider, state, scope, token, last use, age, the stacks that use them."""
    from engine.installation import Installation

    views, where = Installation.find().vault.list(), ""
    if here and views:
        views, where = _usable_here(views)
    if as_json:
        print_json([_as_json(view) for view in views])
        return
    if not views:
        sys.stderr.write(
            (f"no credential may be used here: this is {printable(where)}\n  next: tic creds list\n")
            if where
            else "no credentials yet\n  next: tic creds new NAME --provider P (tic creds kinds lists them)\n"
        )
        return
    now = time.time()
    table.write(
        ("NAME", "PROVIDER", "STATE", "SCOPE", "TOKEN", "USED", "AGE", "STACKS"),
        [
            (
                printable(view.credential.name),
                printable(view.credential.kind),
                view.credential.state.value.capitalize(),
                printable(view.credential.scope),
                printable(view.credential.token),
                span(view.credential.last_used_at, now),
                span(view.credential.updated_at, now),
                printable(", ".join(view.used_by)) or "-",
            )
            for view in views
        ],
    )


def show(
    reference: Reference,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Print the secrets too; asks first, and is audited.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """One credential: its state, its scope, who works with it, and its fields, secrets as *** by default."""
    from engine.installation import Installation

    vault = Installation.find().vault
    view = vault.view(reference)
    versions = vault.versions(view.credential.token)
    if reveal:
        from cli.creds_reveal import revealed

        fields = revealed(vault, view.credential, yes=yes)
    else:
        fields = vault.described(view.credential.token)
    if as_json:
        shown = [_version_as_json(one) for one in versions]
        print_json({**_as_json(view), "versions": shown, "fields": fields})
        return
    for label, value in [*_lines(view), *_work(versions)]:
        sys.stdout.write(f"{label + ':':<14}{printable(value)}\n")
    sys.stdout.write("\n")
    _write_fields(fields)


def _lines(view: "CredentialView") -> "list[tuple[str, str]]":
    credential = view.credential
    used = f"{moment(credential.last_used_at)} ({credential.last_used_for})"
    return [
        ("name", credential.name),
        ("provider", credential.kind),
        ("state", credential.state.value.capitalize()),
        ("scope", credential.scope),
        ("token", credential.token),
        ("version", f"{credential.version}, since {moment(credential.updated_at)}"),
        ("made", str(moment(credential.created_at))),
        ("last used", used if credential.last_used_at else "never"),
        ("stacks", ", ".join(view.used_by) or "none"),
    ]


def _write_fields(fields: Mapping[str, str]) -> None:
    """A table of them; a value of several lines stands below it as it is."""
    blocks = {name: value for name, value in fields.items() if "\n" in value}
    rows = [(name, printable(fields[name])) for name in sorted(fields) if name not in blocks]
    table.write(("FIELD", "VALUE"), rows)
    for name in sorted(blocks):
        sys.stdout.write(f"\n{name}:\n{printable(blocks[name]).rstrip()}\n")


def _usable_here(views: "Sequence[CredentialView]") -> "tuple[Sequence[CredentialView], str]":
    """Those that may be used in this folder, and what place that is, in words."""
    from pathlib import Path

    from credentials.scopes import admits, in_words
    from engine import place

    here = place.of_folder(Path.cwd())
    return [view for view in views if admits(view.credential.scope, here)], in_words(here)


def _work(versions: "Sequence[KeptVersion]") -> "Iterator[tuple[str, str]]":
    """Who works with which version, and what is kept for nobody any more."""
    from engine.leases import alive

    for one in versions:
        for lease in one.leases:
            use = lease.use
            gone = "" if alive(lease) else ", gone: the next run or rotation forgets it"
            yield (
                f"version {one.version}",
                f"{use.purpose} works with it since {moment(lease.since)} "
                f"(process {use.pid} on {use.host}{gone})",
            )
    for one in versions[:-1]:
        if not one.leases:
            yield f"version {one.version}", "nobody works with it: the next run or rotation deletes it"


def _version_as_json(one: "KeptVersion") -> dict[str, Any]:
    from engine.leases import alive

    return {
        "version": one.version,
        "used_by": [
            {
                "purpose": lease.use.purpose,
                "host": lease.use.host,
                "pid": lease.use.pid,
                "since": moment(lease.since),
                "alive": alive(lease),
            }
            for lease in one.leases
        ],
    }


def _as_json(view: "CredentialView") -> dict[str, Any]:
    credential = view.credential
    return {
        "name": credential.name,
        "provider": credential.kind,
        "state": credential.state.value,
        "scope": credential.scope,
        "token": credential.token,
        "version": credential.version,
        "created_at": moment(credential.created_at),
        "updated_at": moment(credential.updated_at),
        "last_used_at": moment(credential.last_used_at),
        "last_used_for": credential.last_used_for,
        "stacks": view.used_by,
    }


def moment(seconds: float | None) -> str | None:
    """Seconds since the epoch as ISO 8601 in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def span(since: float | None, now: float) -> str:
    """How long ago, in one unit: "40 s", "3 d"; "never" for None."""
    if since is None:
        return "never"
    amount = max(0.0, now - since)
    for size, unit in _SPANS:
        if amount < size:
            return f"{int(amount)} {unit}"
        amount /= size
    return f"{int(amount)} y"
