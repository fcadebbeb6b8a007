"""`tic cert check`: whether what is served is what was issued."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import table
from cli.cert_names import NAMES, chosen
from cli.stack_options import Usage
from cli.telling import print_json, say

if TYPE_CHECKING:
    from engine.certificates.checking import Served


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
    """Connect to where certificates are served, and compare serial number, chain and dates.

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
    asked = checking.questions(installation, selected, places)
    if asked and not as_json:
        say(f"looking at {len(asked)} place{'' if len(asked) == 1 else 's'}")
    found = list(checking.look(asked))
    _tell(found, as_json=as_json)
    if not asked and not as_json:
        say("there is no place to look at: no certificate, or wildcards alone")
        say("  next: name one: tic cert check CERTIFICATE --at HOST:PORT")
    if bad := [each for each in found if not each.good]:
        if not as_json:
            say(f"{len(bad)} of {len(found)} places do not serve what was issued")
            say("  next: deploy it, and let the server read it: tic stack up")
        raise typer.Exit(1)


def _tell(found: "list[Served]", *, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "certificate": each.certificate.full_name,
                    "serial": each.certificate.kept.held.serial,
                    "endpoint": str(each.endpoint),
                    "declared": each.declared,
                    "served": each.good,
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
        )
    elif found:
        table.write(
            ("CERTIFICATE", "ENDPOINT", "ADDRESS", "SERVED", "WHAT"),
            [
                (
                    each.certificate.full_name,
                    str(each.endpoint),
                    one.address,
                    "yes" if one.served else "NO",
                    one.text,
                )
                for each in found
                for one in each.findings
            ],
        )
