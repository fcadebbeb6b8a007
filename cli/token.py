"""`tic token`: who may call a service for a team (`tic serve`), what with, and until when."""

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import table
from cli.creds_input import BadInput
from cli.since import moment_until
from cli.telling import print_json, say
from stacks.moments import iso

if TYPE_CHECKING:
    from engine.state.access_tokens import AccessToken
    from engine.state.reach import Reach

app = typer.Typer(
    name="token",
    help="Access tokens of the state service: who may call tic serve.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The token's name.")]


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who or what it is for.")],
    stack: Annotated[
        str | None, typer.Option("--stack", metavar="PROJECT/STACK", help="For this stack alone.")
    ] = None,
    project: Annotated[
        str | None, typer.Option("--project", metavar="PROJECT", help="For the stacks of this project alone.")
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="To read (secrets too) and preview, and change nothing.")
    ] = False,
    expires: Annotated[
        str, typer.Option("--expires", metavar="SPAN|DATE|never", help="When: 12h, 90d, 2026-12-31 (UTC).")
    ] = "90d",
) -> None:
    """Make an access token and print it, once; it opens stacks through `tic serve` until it expires."""
    from engine import access
    from engine.installation import Installation

    reach = _reach(stack, project, read_only=read_only)
    expires_at = None if expires.strip() == access.NEVER else moment_until(expires, now=time.time())
    made = access.new(Installation.find(), name, reach, expires_at)
    sys.stdout.write(made.secret + "\n")
    sys.stdout.flush()
    until = iso(expires_at)
    say(
        f"{made.token.name} may {access.described(reach)}, {f'until {until}' if until else 'for good'}\n"
        "  this is the only time that it is shown: its user sets PULUMI_ACCESS_TOKEN to it\n"
        f"  take it back: tic token revoke {made.token.name}"
    )


@app.command("list")
def list_tokens(as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False) -> None:
    """Every token: what it may do, who made it, until when it is good, when it was last used."""
    from engine import access
    from engine.installation import Installation

    now = time.time()
    found = access.listed(Installation.find())
    if as_json:
        print_json([_shown(each, now) for each in found])
    elif found:
        table.write(
            ("NAME", "MAY", "MADE BY", "CREATED", "EXPIRES", "LAST USED"), [_row(each, now) for each in found]
        )
    else:
        say("there are no access tokens\n  next: tic token new NAME")


@app.command("revoke")
def revoke(name: Name) -> None:
    """Take a token back: every server refuses it from now on, and what runs with it has lost its lease."""
    from engine import access
    from engine.installation import Installation

    access.revoke(Installation.find(), name)
    say(f"{name} is revoked, and every server refuses it from now on\n  see which are left: tic token list")


def _reach(stack: str | None, project: str | None, *, read_only: bool) -> "Reach":
    from engine.creation import NAME as STACK_NAME
    from engine.state.reach import Reach

    if stack is not None and (project is not None or stack.count("/") != 1):
        raise BadInput(
            "a token is for one stack, or for a project",
            hint="say --stack PROJECT/STACK, or --project PROJECT, or neither for every stack",
        )
    if stack is not None:
        project, _, stack = stack.partition("/")
    if wrong := [one for one in (project, stack) if one is not None and not STACK_NAME.fullmatch(one)]:
        raise BadInput(
            f"{wrong[0]!r} is no name of a project or stack", hint="see which there are: tic stack list"
        )
    return Reach(project, stack, read_only)


def _shown(token: "AccessToken", now: float) -> dict[str, Any]:
    return {
        "name": token.name,
        "project": token.reach.project,
        "stack": token.reach.stack,
        "read_only": token.reach.read_only,
        "made_by": token.made_by,
        "created": iso(token.created_at),
        "expires": iso(token.expires_at),
        "expired": token.has_expired(now),
        "last_used": iso(token.last_used_at),
    }


def _row(token: "AccessToken", now: float) -> tuple[str, ...]:
    from engine import access

    expires = (iso(token.expires_at) or access.NEVER)[:10]
    return (
        token.name,
        access.described(token.reach),
        token.made_by,
        (iso(token.created_at) or "-")[:10],
        f"{expires} (expired)" if token.has_expired(now) else expires,
        (iso(token.last_used_at) or "never").replace("T", " ")[:16],
    )
