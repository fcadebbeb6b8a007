"""`tic cert accounts`: the accounts at CAs of all stacks."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import table
from cli.telling import print_json, say

if TYPE_CHECKING:
    from engine.certificates.accounts import Known

MOST_CERTIFICATES = 3
"""Names that a line of the table shows; the JSON has all."""


def accounts(as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False) -> None:
    """List the accounts at CAs: contacts, the terms that were agreed to and when, who uses them."""
    from engine.certificates.accounts import every, view
    from engine.installation import Installation

    with Installation.find().database.read() as connection:
        known = every(connection)
    if as_json:
        print_json([view(each) for each in known])
        return
    if not known:
        say("the stacks have no account at a CA")
        say("  next: a certificate brings one along: tic stack new site --template certificate")
        return
    table.write(
        ("CA", "ACCOUNT", "STACK", "KEY", "CONTACTS", "AGREED", "CERTIFICATES"),
        [_row(each) for each in known],
    )
    for each in known:
        if each.newer_terms is not None and each.account is not None:
            say(f"{each.uri} agreed to {each.account.terms}; the CA's terms are now {each.newer_terms}")
    if any(each.newer_terms is not None for each in known):
        say("  next: read them; a CA that wants them agreed to anew says so, and where, at the next order")


def _row(one: "Known") -> tuple[str, ...]:
    account = one.account
    if account is None:
        return (_ca(one), one.uri, "-", "-", "-", "-", _certificates(one))
    contacts = ", ".join(each.removeprefix("mailto:") for each in account.contacts) or "-"
    agreed = (account.agreed_at or "")[:10] or ("yes" if account.terms else "-")
    key = f"{account.key_type} ({account.key_epoch})"
    return (_ca(one), one.uri, f"{one.stack}/{account.name}", key, contacts, agreed, _certificates(one))


def _ca(one: "Known") -> str:
    from stacks.provider.acme.directories import NAMES

    return NAMES.get(one.directory, one.directory)


def _certificates(one: "Known") -> str:
    shown = ", ".join(one.certificates[:MOST_CERTIFICATES]) or "-"
    more = len(one.certificates) - MOST_CERTIFICATES
    return f"{shown} and {more} more" if more > 0 else shown
