"""`tic cert`: the certificates of all stacks, whichever program made them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import cert_accounts, cert_check, cert_limits, cert_renew, table
from cli.cert_names import Certificate, chosen
from cli.consent import confirm
from cli.printable import printable
from cli.stack_options import Usage, Yes, choose
from cli.telling import print_json, say

if TYPE_CHECKING:
    from engine.certificates.listing import Listed

app = typer.Typer(
    name="cert",
    help="Certificates of all stacks: what they are, when they are due; renew, revoke, export.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


@app.command("list")
def list_certificates(
    stack: Annotated[str | None, typer.Option("--stack", metavar="STACK", help="Only this stack's.")] = None,
    due: Annotated[
        bool, typer.Option("--due", help="Only those that are due now, longest due first.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the certificates of all stacks, with what they hold and when they are due."""
    from datetime import UTC, datetime

    from engine.certificates import listing
    from engine.installation import Installation
    from stacks.provider.acme.identifiers import told

    installation, now = Installation.find(), datetime.now(UTC)
    one = choose(installation, stack) if stack is not None else None
    with installation.database.read() as connection:
        found = listing.due(connection, now) if due else listing.every(connection, one)
    if due and one is not None:
        found = [each for each in found if each.stack_id == one.id]
    if as_json:
        print_json([listing.view(each, now) for each in found])
        return
    if not found:
        whose = f"stack {one.full_name} has" if one is not None else "the stacks have"
        say(f"{whose} no certificate{' that is due' if due else ''}")
        if not due:
            say("  next: make one: tic stack new site --template certificate")
        return
    views = [listing.view(each, now) for each in found]
    table.write(
        ("CERTIFICATE", "STATUS", "EXPIRES", "DUE", "DOMAINS"),
        [
            (
                each.full_name,
                view["status"],
                str(view["not_after"])[:10],
                str(view["renew_at"])[:16].replace("T", " "),
                told(view["domains"]),
            )
            for each, view in zip(found, views, strict=True)
        ],
    )


@app.command()
def show(name: Certificate, as_json: AsJson = False) -> None:
    """Show one certificate: names, serial number, issuer, dates, renewals that failed."""
    from datetime import UTC, datetime

    from engine.certificates.listing import view
    from engine.installation import Installation

    one = chosen(Installation.find(), name)
    facts = view(one, datetime.now(UTC))
    if as_json:
        print_json(facts)
        return
    window = facts["renewal_window"]
    lines = {
        "certificate": one.full_name,
        "status": facts["status"],
        "domains": ", ".join(_both_forms(each) for each in facts["domains"]),
        "serial": facts["serial"],
        "issuer": facts["issuer"],
        "CA": facts["directory"],
        "valid": f"{facts['not_before']} to {facts['not_after']}",
        "due": facts["renew_at"],
        "CA's window": f"{window['start']} to {window['end']}" if window else "-",
        "renewals": str(facts["epoch"] - 1),
        "revoked": facts["revoked_at"] or "-",
        "failed": _failed(facts["failures"], facts["tried_at"]),
        "problem": facts["problem"] or "-",
    }
    for label, text in lines.items():
        if text != "-":
            sys.stdout.write(f"{label + ':':<14}{printable(text)}\n")


@app.command()
def export(
    name: Certificate,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="DIR",
            help="Write cert.pem, chain.pem, fullchain.pem and privkey.pem (mode 0600) into this directory.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace such files that are there.")] = False,
) -> None:
    """Write the certificate and its chain to stdout, or with its key into a directory."""
    from engine.certificates import material
    from engine.certificates.exporting import export as write
    from engine.certificates.listing import revoked_since
    from engine.installation import Installation

    if to == "":  # as an unset variable of a script gives; a key is not for wherever one happens to be
        raise Usage("--to names no directory", hint=f"name one: tic cert export {name} --to DIR")
    installation = Installation.find()
    one = chosen(installation, name)
    if one.standing.revoked_at is not None:
        say(f"warning: {one.full_name} {revoked_since(one.standing.revoked_at)}: whoever checks refuses it")
        say(f"  next: put another in its place: tic cert renew {one.full_name}")
    if to is None:
        sys.stdout.write("".join(material.public(installation, one)))
        return
    files = write(installation, one, Path(to), replace=force)
    say(f"wrote {', '.join(files)} of {one.full_name} to {to}")
    if "privkey.pem" in files:
        say(f"  the private key is in the clear in {Path(to) / 'privkey.pem'}: delete it when you are done")
    else:
        say("  its private key is not there: the certificate is for a signing request of your own")


@app.command()
def revoke(
    name: Certificate,
    reason: Annotated[
        str,
        typer.Option(
            "--reason",
            help="unspecified, keyCompromise, affiliationChanged, superseded or cessationOfOperation.",
        ),
    ] = "unspecified",
    renew: Annotated[
        bool, typer.Option(help="Want another in its place at the stack's next run (the default), or not.")
    ] = True,
    yes: Yes = False,
) -> None:
    """Revoke the certificate at its CA (RFC 8555 7.6); this can't be undone."""
    from engine.certificates.revocation import REASONS
    from engine.certificates.revocation import revoke as revoke_at_ca
    from engine.installation import Installation
    from stacks.provider.acme.identifiers import told

    if reason not in REASONS:
        raise Usage(f"--reason {reason[:40]!r} is none that a CA takes", hint=f"one of {', '.join(REASONS)}")
    installation = Installation.find()
    one = chosen(installation, name)
    confirm(
        f"revoke the certificate {one.full_name} ({told(one.kept.names)})?",
        f"revoking {one.full_name} can't be undone",
        f"tic cert revoke {one.full_name} --yes",
        yes=yes,
    )
    anew = revoke_at_ca(installation, one, reason, renew=renew)
    if anew:
        say(f"{one.full_name} is revoked at {one.kept.directory} ({reason})")
    else:
        say(f"{one.full_name} was already revoked at {one.kept.directory}")
    _next(one, renew=renew)


app.command("renew")(cert_renew.renew)
app.command("check")(cert_check.check)
app.command("accounts")(cert_accounts.accounts)
app.command("limits")(cert_limits.limits)


def _both_forms(name: str) -> str:
    """A name as people write it, and as the certificate has it where that is another."""
    from stacks.provider.acme.international import shown

    text = shown(name)
    return name if text == name else f"{text} ({name})"


def _failed(times: int, last: str) -> str:
    if not times:
        return "-"
    return f"once, at {last}" if times == 1 else f"{times} times, last at {last}"


def _next(one: "Listed", *, renew: bool) -> None:
    if renew:
        say(f"  it is still deployed; next: put another in its place: tic cert renew {one.full_name}")
    else:
        say(f"  it is still deployed; next: take it out of the program of {one.stack}, then: tic stack up")
