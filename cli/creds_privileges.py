"""`tic creds privileges`: what credentials have to be allowed, and the policies that allow it."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.creds_input import BadInput
from cli.telling import print_json, say

if TYPE_CHECKING:
    from credentials.privileges import LeastPrivileges, Purpose

_FORMS = ("text", "policy", "json")


def register(app: typer.Typer) -> None:
    """Add the command to `tic creds`."""
    app.command("privileges")(show_privileges)


def show_privileges(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="Such as aws.")],
    purpose: Annotated[
        str | None, typer.Option("--for", metavar="PURPOSE", help="apply, deploy or ecs: only that.")
    ] = None,
    form: Annotated[
        str,
        typer.Option("--format", metavar="text|policy|json", help="policy: the document for its console."),
    ] = "text",
) -> None:
    """The least privileges that a provider's credentials need, and the policies that grant them."""
    from credentials import privileges

    if form not in _FORMS:
        raise BadInput(f"{form!r} is no format", hint=f"give one of {', '.join(_FORMS)}: --format text")
    known = privileges.load(provider)
    if purpose is not None and purpose not in known.purposes:
        raise privileges.NoPurpose(known, purpose)
    chosen = [one for one in known.purposes.values() if purpose in (None, one.name)]
    if form == "json":
        print_json(_privileges_as_json(known, chosen))
    elif form == "text":
        _show_text(known, chosen)
    elif len(chosen) > 1:
        raise privileges.NoPurpose(known, None)
    else:
        sys.stdout.write(chosen[0].document() + "\n")
        say(f"  next: paste it at {known.paste}")
        if chosen[0].note:
            say(f"  {chosen[0].note}")


def _show_text(known: "LeastPrivileges", chosen: Sequence["Purpose"]) -> None:
    for number, one in enumerate(chosen):
        sys.stdout.write(f"{'' if number == 0 else chr(10)}{one.name}: {one.title}\n")
        words = one.words or ("",) * len(one.privileges)
        width = max(len(privilege) for privilege in one.privileges)
        for privilege, what in zip(one.privileges, words, strict=True):
            sys.stdout.write(f"  {privilege:<{width}}  {what}".rstrip() + "\n")
        if one.also:
            sys.stdout.write(f"  + {one.also}\n")
    say(f"  next: tic creds privileges {known.provider} --for {chosen[0].name} --format policy")


def _privileges_as_json(known: "LeastPrivileges", chosen: Sequence["Purpose"]) -> dict[str, Any]:
    return {
        "provider": known.provider,
        "label": known.label,
        "paste": known.paste,
        "purposes": {
            one.name: {
                "title": one.title,
                "privileges": list(one.privileges),
                "words": list(one.words),
                "also": one.also,
                "note": one.note,
                "policy": one.policy,
                "calls": {doing: list(actions) for doing, actions in one.calls.items()},
            }
            for one in chosen
        },
    }
