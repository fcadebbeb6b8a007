"""`tic cert check`: whether what is served is what was issued."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import table
from cli.cert_names import NAMES, chosen
from cli.stack_options import Usage
from cli.telling import print_json, say
from engine.certificates.listing import revoked_since, told

if TYPE_CHECKING:
    from datetime import datetime

    from engine.certificates.checking import Served
    from engine.certificates.listing import Listed
    from stacks.revocation.verdict import Said
    from stacks.serving.comparison import Finding


def check(
    names: Annotated[list[str] | None, typer.Argument(metavar="[CERTIFICATE ...]", help=NAMES)] = None,
    every: Annotated[bool, typer.Option("--all", help="Every certificate of every stack.")] = False,
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--at",
            metavar="ENDPOINT",
            help="Look here: HOST:PORT, smtp://HOST or imap://HOST (STARTTLS), ?sni=NAME; may be repeated.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """Connect to where certificates are served, and compare serial number, chain and dates; ask their CAs
    whether they are revoked, where they say how.

    Without --at these are the Endpoints that the stacks declare, else the certificates' own names (port 443).
    """
    from engine.certificates import checking, listing
    from engine.installation import Installation
    from stacks.serving.endpoint import Endpoint

    if bool(names) == every:
        raise Usage(
            "which certificates are meant?",
            hint="name them: tic cert check CERTIFICATE ...; or all: tic cert check --all",
        )
    places = []
    for text in at or ():
        try:
            places.append(Endpoint.read(text))
        except ValueError as error:
            raise Usage(f"--at {text[:80]!r} {error}", hint="for example: --at www.example.com:443") from None
    installation = Installation.find()
    if every:
        with installation.database.read() as connection:
            selected = listing.every(connection)
    else:
        selected = list(
            {one.id: one for one in (chosen(installation, name) for name in names or ())}.values()
        )
    here = checking.present(installation, selected)
    asked = checking.questions(here, places)
    if asked and not as_json:
        say(f"looking at {len(asked)} place{'' if len(asked) == 1 else 's'}")
    revoked, problems = _revocations(checking.revocations(installation, here))
    found = list(checking.look(asked))
    if as_json:
        print_json(_view(found, revoked))
    else:
        _tell(found, revoked)
        if not asked:
            say("there is no place to look at: no certificate, or wildcards alone")
            say("  next: name one: tic cert check CERTIFICATE --at HOST:PORT")
        for name, told in problems.items():
            say(f"warning: whether {name} is revoked is not known: {told}")
    bad = [each for each in found if not each.good]
    if bad and not as_json:
        say(f"{len(bad)} of {len(found)} places do not serve what was issued")
        stacks = dict.fromkeys(each.certificate.stack for each in bad)
        commands = "; ".join(f"tic stack up {each}" for each in stacks)
        say(f"  next: deploy it, and let the server read it: {commands}")
    if not as_json:
        for one in here:
            if one.certificate.id in revoked:
                name = one.certificate.full_name
                say(f"{name} {revoked_since(revoked[one.certificate.id])}: whoever checks refuses it")
                say(f"  next: put another in its place: tic cert renew {name}")
    if bad or revoked:
        raise typer.Exit(1)


def _revocations(said: "list[tuple[Listed, Said]]") -> "tuple[dict[int, datetime], dict[str, str]]":
    """Since when the revoked ones are, by their ids; and why it is not known of others, by name."""
    since = {one.id: one.standing.revoked_at for one, _ in said if one.standing.revoked_at is not None}
    return since, {one.full_name: "; ".join(each.problems) for one, each in said if each.problems}


def _view(found: "list[Served]", revoked: "dict[int, datetime]") -> list[dict[str, object]]:
    return [
        {
            "certificate": each.certificate.full_name,
            "serial": each.certificate.kept.held.serial,
            "endpoint": str(each.endpoint),
            "declared": each.declared,
            "served": each.good,
            "revoked_at": told(revoked.get(each.certificate.id)),
            "addresses": [
                {
                    "address": one.address,
                    "served": one.served,
                    "serial": one.serial,
                    "message": one.text,
                }
                for one in each.findings
            ],
        }
        for each in found
    ]


def _tell(found: "list[Served]", revoked: "dict[int, datetime]") -> None:
    if not found:
        return
    table.write(
        ("CERTIFICATE", "ENDPOINT", "ADDRESS", "SERVED", "WHAT"),
        [
            (
                each.certificate.full_name,
                str(each.endpoint),
                one.address,
                "yes" if one.served else "NO",
                _what(one, revoked.get(each.certificate.id)),
            )
            for each in found
            for one in each.findings
        ],
    )


def _what(one: "Finding", revoked: "datetime | None") -> str:
    """Nothing that is revoked is called valid."""
    if revoked is None or not one.served:
        return one.text
    return f"serves it, and it {revoked_since(revoked)}"
