"""`tic audit`: who used and changed what, whether the log of it is whole, exports that verify anywhere."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import table
from cli.creds_input import BadInput
from cli.since import microseconds_since
from cli.telling import print_json, say

if TYPE_CHECKING:
    from credentials.audit import Entry
    from credentials.audit_log import AuditLog

app = typer.Typer(
    name="audit",
    help="The audit log: each use, change and refusal, in a log that shows tampering.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Since = Annotated[
    str | None,
    typer.Option("--since", metavar="SPAN|DATE", help="From then on: 12h, 7d, 2026-01-31 (UTC)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


@app.command("list")
def list_entries(
    credential: Annotated[
        str | None,
        typer.Option("--credential", metavar="CREDENTIAL", help="Name or token, also a deleted one's."),
    ] = None,
    stack: Annotated[
        str | None, typer.Option("--stack", metavar="STACK", help="STACK or PROJECT/STACK.")
    ] = None,
    action: Annotated[
        str | None, typer.Option("--action", metavar="ACTION", help="Such as credential.open, or credential.")
    ] = None,
    refused: Annotated[bool, typer.Option("--refused", help="Only what was refused.")] = False,
    since: Since = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1_000_000, help="How many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """What was done, by whom, newest last."""
    from credentials.audit import Entry, noted
    from credentials.audit_lines import shown
    from credentials.audit_store import Wanted
    from credentials.refusals import DamagedRow

    wanted = Wanted(
        credential=noted(credential) if credential is not None else None,
        stack=noted(stack) if stack is not None else None,
        action=noted(action) if action is not None else None,
        outcome="refused" if refused else None,
        since=_since(since),
    )
    found = _log().newest(wanted, limit + 1)
    older, found = len(found) > limit, found[-limit:]
    entries = [one for one in found if isinstance(one, Entry)]
    if as_json:
        print_json([shown(one) for one in entries])
    elif entries:
        table.write(
            ("ENTRY", "TIME", "WHO", "ACTION", "OUTCOME", "CREDENTIAL", "STACK", "DETAIL"),
            [_row(one) for one in entries],
        )
    else:
        say("the audit log has no such entry\n  next: tic audit list")
    if older:
        say(f"there are older ones; see more: tic audit list --limit {limit * 10}")
    if len(entries) < len(found):
        raise DamagedRow("audit")


@app.command()
def verify(
    file: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="An export (- is stdin); else this vault's own log."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--public-key", metavar="HEX", help="Of the vault that FILE is from: tic vault status."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Whether the log, or an export of it, is what tic has written; else the exit code is 5.

    An export needs nothing but the vault's public key: no vault, no key file, no TIC_HOME.
    """
    if file is not None:
        from cli.audit_export import verify_file

        verify_file(file, key, as_json=as_json)
        return
    if key is not None:
        raise BadInput(
            "--public-key is for an export, and there is none",
            hint="name it: tic audit verify FILE --public-key HEX",
        )
    from credentials.audit_log import LogTampered

    log = _log()
    end_known = log.is_end_known()
    found = log.verify()
    public = log.public_key()
    if as_json:
        print_json(
            {
                "whole": not found.problems,
                "entries": found.checked,
                "problems": [{"entry": one.seq, "what": one.what} for one in found.problems],
                "further": found.further,
                "end_known": end_known,
                "public_key": public.hex() if public else None,
            }
        )
    elif found.problems:
        table.write(("ENTRY", "WHAT IS WRONG"), [(str(one.seq or "-"), one.what) for one in found.problems])
        if found.further:
            say(f"and {found.further} more")
    else:
        sys.stdout.write(
            f"the audit log is whole: {_counted(found.checked)}, none changed, missing or added\n"
        )
    if not end_known:
        say(
            "warning: vault.seen is missing, so it can't be told whether this is an old copy of the log, "
            "without its newest entries\n  next: tic vault doctor"
        )
    if found.problems:
        raise LogTampered(len(found.problems) + found.further, consequence="do not trust what it says")


@app.command()
def export(
    since: Since = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A new file; else stdout.")
    ] = None,
) -> None:
    """Write the log as JSON lines, signed: whoever has the vault's public key can verify it offline."""
    from cli.audit_export import written

    log, beginning = _log(), _since(since)
    now = int(time.time() * 1_000_000)
    with written(output) as file:
        done = log.export(file.write, since=beginning, now=now)
    which = f"entries {done.first} to {done.last}" if done.last >= done.first else "no entries"
    say(
        f"{which} of the audit log are exported\n"
        f"  verify it anywhere: tic audit verify {output or 'FILE'} --public-key {done.public_key.hex()}"
    )


def _log() -> "AuditLog":
    from credentials.audit_log import AuditLog
    from engine.installation import Installation

    installation = Installation.find()
    return AuditLog(installation.database, installation.vault.ledger)


def _since(text: str | None) -> int | None:
    return None if text is None else microseconds_since(text, now=time.time())


def _row(entry: "Entry") -> tuple[str, ...]:
    from credentials.audit_lines import moment

    event = entry.event
    details = [event.purpose, *(f"{name}: {event.detail[name]}" for name in sorted(event.detail))]
    return (
        str(entry.seq),
        f"{moment(entry.at)[:19]}Z",
        entry.actor or "-",
        event.action,
        event.outcome,
        event.name or event.credential or event.kind or "-",
        event.stack or "-",
        "; ".join(one for one in details if one) or "-",
    )


def _counted(entries: int) -> str:
    return f"{entries} {'entry' if entries == 1 else 'entries'}"
