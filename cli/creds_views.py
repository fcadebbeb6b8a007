"""`tic creds list|show`: what there is, on stdout."""

import json
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import table
from cli.printable import printable

if TYPE_CHECKING:
    from credentials.credential import CredentialView

AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
_SPANS = ((60, "s"), (60, "min"), (24, "h"), (365, "d"))


def register(app: typer.Typer) -> None:
    """Add the views to `tic creds`."""
    app.command("list")(list_credentials)
    app.command("show")(show)


def list_credentials(as_json: AsJson = False) -> None:
    """All credentials: name, provider, state, token, the stacks that use them, last use, age."""
    from engine.installation import Installation

    views = Installation.find().vault.list()
    if as_json:
        _print_json([_as_json(view) for view in views])
        return
    if not views:
        sys.stderr.write(
            "no credentials yet\n  next: tic creds new NAME --provider P (tic creds kinds lists them)\n"
        )
        return
    now = time.time()
    table.write(
        ("NAME", "PROVIDER", "STATE", "TOKEN", "USED", "AGE", "STACKS"),
        [
            (
                printable(view.credential.name),
                printable(view.credential.kind),
                view.credential.state.value.capitalize(),
                printable(view.credential.token),
                span(view.credential.last_used_at, now),
                span(view.credential.updated_at, now),
                printable(", ".join(view.used_by)) or "-",
            )
            for view in views
        ],
    )


def show(
    reference: Annotated[str, typer.Argument(metavar="CREDENTIAL", help="Name or token.")],
    as_json: AsJson = False,
) -> None:
    """One credential: its state, its stacks, and its fields; secrets are never shown."""
    from engine.installation import Installation

    vault = Installation.find().vault
    view, fields = vault.view(reference), vault.described(reference)
    if as_json:
        _print_json({**_as_json(view), "fields": fields})
        return
    credential = view.credential
    lines = {
        "name": credential.name,
        "provider": credential.kind,
        "state": credential.state.value.capitalize(),
        "token": credential.token,
        "version": f"{credential.version}, since {moment(credential.updated_at)}",
        "made": moment(credential.created_at),
        "last used": f"{moment(credential.last_used_at)} ({credential.last_used_for})"
        if credential.last_used_at
        else "never",
        "stacks": ", ".join(view.used_by) or "none",
    }
    for label, value in lines.items():
        sys.stdout.write(f"{label + ':':<14}{printable(str(value))}\n")
    sys.stdout.write("\n")
    table.write(("FIELD", "VALUE"), [(printable(name), printable(fields[name])) for name in sorted(fields)])


def _as_json(view: "CredentialView") -> dict[str, Any]:
    credential = view.credential
    return {
        "name": credential.name,
        "provider": credential.kind,
        "state": credential.state.value,
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


def _print_json(value: Mapping[str, Any] | list[Any]) -> None:
    """JSON as people read it; what a terminal would obey (JSON itself lets some of it through) is escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    safe = (one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)
    sys.stdout.write("".join(safe) + "\n")
