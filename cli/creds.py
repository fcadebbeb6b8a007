"""`tic creds`: make, rotate, activate and delete credentials; `creds_views` shows them."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cli import creds_exec, creds_kinds, creds_privileges, creds_verify, creds_views
from cli.creds_input import BadInput, gather
from cli.printable import printable

if TYPE_CHECKING:
    from credentials.credential import Credential
    from credentials.kinds import Kind

app = typer.Typer(
    name="creds",
    help="Credentials: API keys and passwords that stacks are bound to.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
creds_views.register(app)
creds_kinds.register(app)
creds_exec.register(app)
creds_verify.register(app)
creds_privileges.register(app)

Reference = Annotated[str, typer.Argument(metavar="CREDENTIAL", help="Name or token.")]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--field",
        metavar="NAME=VALUE",
        help="A field that is no secret, or NAME=@FILE for a secret in a private file (@- is stdin).",
    ),
]
SecretsFrom = Annotated[
    str | None,
    typer.Option(
        "--secrets-from", metavar="FILE|-", help="A JSON object of fields, from a file or stdin (-)."
    ),
]
FromEnv = Annotated[bool, typer.Option("--from-env", help="Take fields from the provider's own variables.")]


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    provider: Annotated[
        str,
        typer.Option("--provider", metavar="PROVIDER", help="What it is for; tic creds kinds lists them."),
    ],
    fields: Fields = None,
    secrets_from: SecretsFrom = None,
    from_env: FromEnv = False,
) -> None:
    """Add a credential: the first of a provider is Active, later ones Ready."""
    from credentials import kinds
    from engine.installation import Installation

    vault = Installation.find().vault
    kind = kinds.load(provider)
    provider = kind.name  # it may have been asked for by another name
    vault.check_new(name, provider)
    given = gather(kind, options=fields or (), secrets_from=secrets_from, from_env=from_env)
    _warn_of_missing_files(kind, given)
    made = vault.new(name, provider, given)
    _say(f"credential {made.name} is made: {_described(made)}")
    active = vault.active(provider)
    if active is not None and active.id != made.id:
        _say(f"  new stacks use {active.name}; to have them use this one: tic creds activate {made.name}")
    else:
        _say(f"  next: {_first_use(kind, made.name)}")


@app.command()
def rotate(
    reference: Reference, fields: Fields = None, secrets_from: SecretsFrom = None, from_env: FromEnv = False
) -> None:
    """Replace what is in a credential; its token and its stacks stay, and so do fields that are no secret."""
    from credentials import kinds
    from engine.installation import Installation

    vault = Installation.find().vault
    kind = kinds.load(vault.find(reference).kind)
    given = gather(
        kind,
        options=fields or (),
        secrets_from=secrets_from,
        from_env=from_env,
        before=vault.field_names(reference),
    )
    _warn_of_missing_files(kind, given)
    done = vault.rotate(reference, given)
    now = done.credential
    _say(f"credential {now.name} has new values (version {now.version}); its token is the same: {now.token}")
    if done.dropped:
        _say(f"  it no longer has: {', '.join(done.dropped)}")
    _say("  next: its stacks use the new values from their next run on; see them: tic creds list")


@app.command()
def activate(reference: Reference) -> None:
    """Make a credential the Active one of its provider; the one that was becomes Ready."""
    from engine.installation import Installation

    done = Installation.find().vault.activate(reference)
    now = done.credential
    _say(f"credential {now.name} is Active: new stacks that need {now.kind} use it")
    if done.replaced is not None:
        _say(f"  {done.replaced.name} is Ready; stacks that are bound to it stay with it")
    _say(f"  next: move a stack to it: tic stack bind STACK {now.name}")


@app.command()
def delete(
    reference: Reference, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
) -> None:
    """Delete a credential for good; refused while it is Active or a stack uses it."""
    from engine.installation import Installation

    vault = Installation.find().vault
    found = vault.check_delete(reference).credential
    if not yes:
        if not sys.stdin.isatty():
            raise BadInput(
                f"deleting {found.name!r} is for good, and there is no terminal to ask at",
                hint=f"say yes in advance: tic creds delete {found.name} --yes",
            )
        typer.confirm(printable(f"delete {found.name} ({_described(found)}) for good?"), abort=True, err=True)
    done = vault.delete(found.token)
    _say(f"credential {done.credential.name} is deleted; revoke what was in it where it came from")
    if done.used_by:
        _say(f"  {', '.join(done.used_by)} use the linked role from now on")
    _say("  next: tic creds list")


def _described(credential: "Credential") -> str:
    return f"{credential.kind}, {credential.state.value.capitalize()}, {credential.token}"


def _first_use(kind: "Kind", name: str) -> str:
    """What one does with the first credential of a kind."""
    if kind.publishes_records:
        return "tic stack new NAME --template certificate"
    if kind.name == "acme-account":
        return f"tic stack new NAME --template certificate --set eabCredential={name}"
    return f"tic stack new NAME --provider {kind.name} (in the folder of a project that uses it)"


def _warn_of_missing_files(kind: "Kind", given: dict[str, str]) -> None:
    from pathlib import Path

    for field in kind.fields:
        if field.path and given.get(field.name, "").startswith("/") and not Path(given[field.name]).is_file():
            _say(f"warning: {field.name} names no file that is there now: {given[field.name]!r}")


def _say(line: str) -> None:
    sys.stderr.write(printable(line) + "\n")
