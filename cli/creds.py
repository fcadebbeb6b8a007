"""`tic creds`: make, activate, scope, delete and clear credentials; other modules register the rest."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import (
    account_moves,
    creds_exec,
    creds_kinds,
    creds_privileges,
    creds_rotate,
    creds_verify,
    creds_views,
)
from cli.consent import confirm
from cli.creds_files import warn_of_files
from cli.creds_input import gather
from cli.creds_options import SCOPES, Fields, FromEnv, Reference, SecretsFrom, Yes
from cli.telling import say

if TYPE_CHECKING:
    from credentials.credential import Credential
    from credentials.kinds import Kind
    from credentials.vault import Vault

app = typer.Typer(
    name="creds",
    help="Credentials: API keys and passwords that stacks are bound to.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
creds_views.register(app)
creds_kinds.register(app)
creds_rotate.register(app)
creds_exec.register(app)
creds_verify.register(app)
creds_privileges.register(app)


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    provider: Annotated[
        str,
        typer.Option(
            "--provider",
            metavar="PROVIDER",
            help="What it is for; tic creds kinds lists them, tic creds kinds --kind PROVIDER one's fields.",
        ),
    ],
    fields: Fields = None,
    secrets_from: SecretsFrom = None,
    from_env: FromEnv = False,
    scope: Annotated[
        str, typer.Option("--scope", metavar="SCOPE", help=f"Where it may be used: {SCOPES}.")
    ] = "all",
) -> None:
    """Add a credential: the first of a provider is Active, later ones Ready."""
    from credentials import kinds, scopes
    from engine.installation import Installation

    vault = Installation.find().vault
    kind = kinds.load(provider)
    provider = kind.name  # it may have been asked for by another name
    vault.check_new(name, provider)
    scope = scopes.checked_scope(scope)
    given = gather(kind, options=fields or (), secrets_from=secrets_from, from_env=from_env)
    warn_of_files(kind, given)
    made = vault.new(name, provider, given, scope=scope)
    say(f"credential {made.name} is made: {_described(made)}")
    active = vault.active(provider)
    if active is not None and active.id != made.id:
        say(f"  new stacks use {active.name}; to have them use this one: tic creds activate {made.name}")
    else:
        say(f"  next: {_first_use(kind, made.name)}")


@app.command()
def activate(reference: Reference) -> None:
    """Make a credential the Active one of its provider; the one that was becomes Ready."""
    from engine.installation import Installation

    done = Installation.find().vault.activate(reference)
    now = done.credential
    say(f"credential {now.name} is Active: new stacks that need {now.kind} use it")
    if done.replaced is not None:
        say(f"  {done.replaced.name} is Ready; stacks that are bound to it stay with it")
    say(f"  next: move a stack to it: tic stack bind STACK {now.name}")


@app.command()
def scope(
    reference: Reference,
    where: Annotated[str, typer.Argument(metavar="SCOPE", help=f"One of: {SCOPES}.")],
) -> None:
    """Let a credential be used there and nowhere else; refused while a stack outside of it uses it."""
    from credentials.credential import State
    from credentials.scopes import EVERYWHERE
    from engine.installation import Installation

    now = Installation.find().vault.rescope(reference, where)
    say(f"credential {now.name} has the scope {now.scope}: it may be used {_where(now.scope)}")
    if now.scope != EVERYWHERE and now.state is State.ACTIVE:
        say(f"  it is the Active one: new stacks elsewhere that need {now.kind} are refused while it is")
    say("  next: see what may be used in a folder: tic creds list --here")


@app.command()
def delete(reference: Reference, yes: Yes = False, other_account: account_moves.OtherAccount = False) -> None:
    """Delete a credential for good; refused while it is Active or a stack uses it."""
    from engine.installation import Installation

    vault = Installation.find().vault
    view = vault.check_delete(reference)
    account_moves.check(vault, [view], other_account=other_account)
    found = view.credential
    confirm(
        f"delete {found.name} ({_described(found)}) for good?",
        f"deleting {found.name!r} is for good",
        f"tic creds delete {found.name} --yes",
        yes=yes,
    )
    done = vault.delete(found.token)
    say(f"credential {done.credential.name} is deleted; revoke what was in it where it came from")
    if done.used_by:
        say(f"  {', '.join(done.used_by)} use the linked role from now on")
    say("  next: tic creds list")


@app.command()
def clear(
    provider: Annotated[
        str | None,
        typer.Argument(metavar="PROVIDER", help="Else every provider whose linked role is enabled."),
    ] = None,
    keep_source: Annotated[
        bool, typer.Option("--keep-source", help="Keep the credential with which the role is taken on.")
    ] = False,
    yes: Yes = False,
    other_account: account_moves.OtherAccount = False,
) -> None:
    """Delete all credentials of a provider whose linked role is enabled; its stacks use the role then."""
    from credentials import kinds
    from engine.installation import Installation

    vault = Installation.find().vault
    providers = [kinds.load(provider).name] if provider is not None else vault.clearable()
    found = {each: vault.check_clear(each, keep_source=keep_source) for each in providers}
    leaving = {each: credentials for each, credentials in found.items() if credentials}
    views = [view for view in vault.list() if view.credential.kind in found]  # with the source that is kept
    account_moves.check(vault, views, other_account=other_account)
    if leaving:
        names = "; ".join(f"{', '.join(one.name for one in all_)} ({each})" for each, all_ in leaving.items())
        kept = ["--keep-source"] if keep_source else []
        confirm(
            f"delete {names} for good?",
            f"deleting {names} is for good",
            " ".join(["tic creds clear", *([provider] if provider else []), *kept, "--yes"]),
            yes=yes,
        )
    for each in found:
        _clear(vault, each, keep_source=keep_source)
    if leaving:
        say("  next: revoke what was in them where it came from; tic creds list shows what is left")


def _clear(vault: "Vault", provider: str, *, keep_source: bool) -> None:
    done = vault.clear(provider, keep_source=keep_source)
    names = ", ".join(one.name for one in done.deleted)
    say(f"deleted of {provider}: {names}" if names else f"there are no credentials of {provider} to delete")
    if done.stacks:
        say(f"  its linked role serves from now on: {', '.join(done.stacks)}")


def _where(scope: str) -> str:
    kind, _, what = scope.partition(":")
    places = {
        "project": f"in the project {what} and nowhere else",
        "repo": f"in checkouts of {what} and nowhere else",
    }
    return places.get(kind, "everywhere")


def _described(credential: "Credential") -> str:
    scope = "" if credential.scope == "all" else f", {credential.scope}"
    return f"{credential.kind}, {credential.state.value.capitalize()}, {credential.token}{scope}"


def _first_use(kind: "Kind", name: str) -> str:
    """What one does with the first credential of a kind."""
    if kind.publishes_records:
        return "tic stack new NAME --template certificate"
    if kind.name == "acme-account":
        return f"tic stack new NAME --template certificate --set eabCredential={name}"
    if kind.group == "im":
        return f"tic creds notify {name} MESSAGE"
    if kind.group in ("build", "registry"):
        return f"tic creds exec {name} -- COMMAND"
    return f"tic stack new NAME --provider {kind.name} (in the folder of a project that uses it)"
