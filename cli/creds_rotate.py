"""`tic creds rotate`: new values under the same token, asked about at the provider first."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.creds_files import warn_of_files
from cli.creds_input import gather
from cli.creds_options import Fields, FromEnv, Reference, SecretsFrom
from cli.telling import say

if TYPE_CHECKING:
    from engine.rotation import Rotation


def register(app: typer.Typer) -> None:
    """Add the command to `tic creds`."""
    app.command("rotate")(rotate)


def rotate(
    reference: Reference,
    fields: Fields = None,
    secrets_from: SecretsFrom = None,
    from_env: FromEnv = False,
    no_verify: Annotated[
        bool, typer.Option("--no-verify", help="Do not ask the provider who the new values are.")
    ] = False,
) -> None:
    """Replace what is in a credential, once its provider accepts the new values.

    Its token and its stacks stay, and so do fields that are no secret. Runs that work with it finish: they
    meet the new values at their next call.
    """
    from credentials import kinds
    from engine import rotation
    from engine.installation import Installation

    vault = Installation.find().vault
    credential = vault.find(reference)
    kind = kinds.load(credential.kind)
    given = gather(
        kind,
        options=fields or (),
        secrets_from=secrets_from,
        from_env=from_env,
        before=vault.field_names(credential.token),
    )
    warn_of_files(kind, given)
    done = rotation.rotate(
        vault,
        credential.token,
        given,
        verify=not no_verify,
        asking=lambda kind: say(f"asking {kind} who the new values are"),
    )
    _tell(done)


def _tell(rotation: "Rotation") -> None:
    now, who = rotation.done.credential, rotation.identity
    say(f"credential {now.name} has new values (version {now.version}); its token is the same: {now.token}")
    if who is not None:
        known = " in account ".join(one for one in (who.principal, who.account) if one)
        say(f"  {now.kind} accepts them" + (f": {known}" if known else ""))
        if who.cannot:
            say(f"  they can't: {'; '.join(who.cannot)}")
    else:
        say(f"  they were not verified: {rotation.unverified}")
    if rotation.done.dropped:
        say(f"  it no longer has: {', '.join(rotation.done.dropped)}")
    first = ""
    if kept := rotation.done.kept:
        which = f"version {kept[0]} stays" if len(kept) == 1 else f"versions {', '.join(map(str, kept))} stay"
        say(f"  {which} sealed for the runs that work with it: tic creds show {now.name}")
        first = "when those runs have ended, "
    if rotation.replaces_secrets:
        say(f"  next: {first}revoke the former values where they came from")
    else:
        say("  its secrets are the ones that it had: there is nothing to revoke")
        say(f"  next: tic creds show {now.name}")
