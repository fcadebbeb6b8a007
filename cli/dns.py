"""`tic dns`: providers of DNS, and the challenge records that runs published and have not withdrawn."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import dns_providers
from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.challenge_notes import Note

app = typer.Typer(
    name="dns",
    help="DNS providers, and challenge records that are still published.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

app.command()(dns_providers.providers)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


class RecordsLeft(EngineError):
    """Some records could not be withdrawn; each was named before."""


@app.command()
def records(as_json: AsJson = False) -> None:
    """List the records that are published now, or may be, with who looks after them."""
    import json
    import time

    from engine.challenge_notes import open_notes
    from engine.installation import Installation

    with Installation.find().database.read() as connection:
        notes = open_notes(connection)
    now = time.time()
    if as_json:
        typer.echo(json.dumps([_described(note, now) for note in notes], indent=2))
        return
    for note in notes:
        held = "left: tic dns clean" if note.is_left(now) else "a run holds it"
        typer.echo(f"{note.record.name}  {note.record.value}  {note.provider}  {note.stack}  {held}")
        if note.problem:
            typer.echo(f"  {note.problem}", err=True)
    if not notes:
        typer.echo("no challenge record is published", err=True)


@app.command()
def clean(
    stack: Annotated[
        str | None,
        typer.Argument(metavar="STACK", help="STACK or PROJECT/STACK; without it the records of all stacks."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Withdraw what ended runs left published; records of a run that is going on are left alone."""
    import json
    from pathlib import Path

    from engine.challenges import withdraw_left_over
    from engine.installation import Installation
    from engine.selection import choose

    installation = Installation.find()
    stack_id = None
    if stack is not None:
        with installation.database.read() as connection:
            stack_id = choose(connection, stack, Path.cwd()).id
    notices = withdraw_left_over(installation.database, installation.vault, stack_id)
    left = sum(notice.severity == "warning" for notice in notices)
    if as_json:
        content = [{"withdrawn": each.severity != "warning", "message": each.message} for each in notices]
        typer.echo(json.dumps(content, indent=2))
    else:
        for notice in notices:
            typer.echo(notice.message, err=notice.severity == "warning")
        if not notices:
            typer.echo("nothing was left published", err=True)
    if left:
        raise RecordsLeft(
            f"{left} of {len(notices)} records could not be withdrawn", hint="see them: tic dns records"
        )


def _described(note: "Note", now: float) -> dict[str, Any]:
    return {
        "name": note.record.name,
        "value": note.record.value,
        "zone": note.zone,
        "nameservers": list(note.nameservers),
        "provider": note.provider,
        "credential": note.credential,
        "stack": note.stack,
        "state": note.state.value,
        "left": note.is_left(now),
        "noted_at": note.noted_at,
        "published_at": note.published_at,
        "problem": note.problem,
    }
