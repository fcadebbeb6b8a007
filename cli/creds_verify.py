"""`tic creds verify`: who credentials are at their providers, and what they can't do."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import table
from cli.creds_input import BadInput
from cli.printable import printable
from cli.telling import print_json, say

if TYPE_CHECKING:
    from credentials.identity.verification import Verification
    from credentials.scopes import Place
    from credentials.vault import Vault


def register(app: typer.Typer) -> None:
    """Add the command to `tic creds`."""
    app.command("verify")(verify)


def verify(
    reference: Annotated[
        str | None, typer.Argument(metavar="CREDENTIAL", help="Name or token; or --all.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every credential, several at once.")] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=1, max=600, help="For each answer.")
    ] = 20.0,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """Ask providers who credentials are, and what they can't do; fails if one is rejected."""
    from credentials.identity.verification import exit_code, verify_one
    from engine import place
    from engine.installation import Installation

    if (reference is None) is not every:
        raise BadInput(
            "one credential is named, or --all is given", hint="tic creds verify CREDENTIAL, or: --all"
        )
    vault, here = Installation.find().vault, place.of_folder(Path.cwd())
    if reference is None:
        _verify_all(vault, here, timeout, as_json=as_json)
        return
    found = verify_one(vault, vault.find(reference), place=here, timeout=timeout)
    if as_json:
        print_json(_as_json(found))
        raise typer.Exit(exit_code([found]))
    if found.problem is not None:
        found.problem.hint = _hint(found)
        raise found.problem
    _show(found)


def _verify_all(vault: "Vault", here: "Place", timeout: float, *, as_json: bool) -> None:
    from credentials.identity.verification import exit_code, verify_each

    credentials = [view.credential for view in vault.list()]
    if not credentials:
        say("no credentials yet\n  next: tic creds new NAME --provider P (tic creds kinds lists them)")
    found = []
    for one in verify_each(vault, credentials, place=here, timeout=timeout):
        found.append(one)
        say(f"  {len(found)}/{len(credentials)} {one.credential.name}: {_in_short(one)}")
    found.sort(key=lambda one: (one.credential.kind, one.credential.name))
    if as_json:
        print_json([_as_json(one) for one in found])
    elif found:
        _summarize(found)
    raise typer.Exit(exit_code(found))


def _summarize(found: Sequence["Verification"]) -> None:
    table.write(
        ("NAME", "PROVIDER", "RESULT", "CAN'T", "ACCOUNT", "WHO"),
        [
            (
                one.credential.name,
                one.credential.kind,
                one.result.value,
                "-" if one.identity is None else str(len(one.identity.cannot)),
                (one.identity.account or "-") if one.identity is not None else "-",
                (one.identity.principal or "-") if one.identity is not None else "-",
            )
            for one in found
        ],
    )
    for one in found:
        if one.problem is not None:
            say(f"{one.credential.name}: {one.problem}\n  next: {_hint(one)}")


def _show(found: "Verification") -> None:
    from credentials.identity.reads import LISTS
    from credentials.privileges import providers

    identity, credential = found.identity, found.credential
    assert identity is not None  # noqa: S101 - there is no problem
    lines = {
        "name": credential.name,
        "provider": credential.kind,
        "account": identity.account or "not told",
        "who": identity.principal or "not told",
        **{label: value for label, value in identity.detail.items() if value},
        **({"can't": "; ".join(identity.cannot)} if identity.cannot else {}),
    }
    width = max(len(label) for label in lines) + 3
    for label, value in lines.items():
        values = value.split("; ") if label in LISTS else [value]
        for number, one in enumerate(values):
            start = f"{label}:" if number == 0 else ""
            sys.stdout.write(printable(f"{start:<{width}}{one}").replace("\n", " ") + "\n")
    if identity.cannot and credential.kind in providers():
        say(f"  next: see what it has to be allowed: tic creds privileges {credential.kind}")


def _in_short(one: "Verification") -> str:
    if one.identity is None:
        return one.result.value
    who = one.identity.principal or one.identity.account or "accepted"
    return who + (f"; can't {len(one.identity.cannot)} of what was asked" if one.identity.cannot else "")


def _hint(one: "Verification") -> str:
    """The next step, with the credential's name where it says CREDENTIAL."""
    return one.problem.hint.replace("CREDENTIAL", one.credential.name) if one.problem is not None else ""


def _as_json(one: "Verification") -> dict[str, Any]:
    identity, problem = one.identity, one.problem
    skew = getattr(problem, "skew", None)
    return {
        "name": one.credential.name,
        "token": one.credential.token,
        "provider": one.credential.kind,
        "result": one.result.value,
        "account": identity.account if identity is not None else None,
        "who": identity.principal if identity is not None else None,
        "detail": dict(identity.detail) if identity is not None else {},
        "cannot": list(identity.cannot) if identity is not None else [],
        "error": str(problem) if problem is not None else None,
        "next": _hint(one) or None,
        "code": getattr(problem, "code", None),
        "request": getattr(problem, "request_id", None) or None,
        "clock_seconds": skew.total_seconds() if skew is not None else None,
    }
