"""`tic cert limits`: what is used of the rate limits of CAs."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import table
from cli.telling import print_json, say

if TYPE_CHECKING:
    from engine.certificates.limits.views import Use


def limits(
    known: Annotated[
        bool, typer.Option("--known", help="What CAs document of their limits, where, and as of when.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """List what is used of the rate limits of CAs by all stacks, and when one more is possible."""
    import time

    from engine.certificates.limits import kept, views
    from engine.certificates.limits.limit import authorities
    from engine.certificates.limits.own import FILE
    from engine.installation import Installation

    if known:
        _documented(as_json=as_json)
        return
    installation, now = Installation.find(), time.time()
    authorities()  # a file of limits that can't be read is told whether anything is used or not
    with installation.database.read() as connection:
        used = views.uses(kept.ledger(connection, now), now)
    if as_json:
        print_json([each.view() for each in used])
        return
    if not used:
        say("nothing is used of any limit that CAs document, and none asked to wait")
        say("  next: see what they document: tic cert limits --known")
        return
    table.write(("CA", "LIMIT", "USED", "POSSIBLE", "WHOSE"), [_row(each, now) for each in used])
    if any(each.possible_at is not None and not each.by_ca for each in used):
        say("what is held back is what CAs document (tic cert limits --known)")
        say(f"  next: where one grants you more, write that into {installation.home.root / FILE}")


def _row(one: "Use", now: float) -> tuple[str, ...]:
    from math import isinf

    from engine.certificates.limits.telling import ca_name
    from stacks.moments import moment, span

    used = f"{one.used} of {one.limit.most}" if one.limit is not None else "-"
    if one.possible_at is None:
        possible = "now"
    elif isinf(one.possible_at):
        possible = "when an order ends"
    else:
        possible = f"{moment(one.possible_at)} (in {span(one.possible_at - now)})"
    return ca_name(one.slot.directory), one.what, used, possible, one.slot.subject or "all stacks"


def _documented(*, as_json: bool) -> None:
    from engine.certificates.limits import views
    from stacks.moments import span

    found = list(views.documented())
    if as_json:
        print_json(found)
        return
    rows = []
    for each in found:
        where = f"{each['source'] or 'no page'} ({each['known_from']})"
        if not each["limits"]:
            rows.append((each["ca"], "no figures found: only Retry-After is kept", "-", "-", where))
        for one in each["limits"]:
            most, again = str(one["most"]), f"1 in {span(one['refill_seconds'])}"
            rows.append((each["ca"], one["counts"], most, again, where))
    table.write(("CA", "LIMIT", "AT ONCE", "THEN", "SOURCE"), list(dict.fromkeys(rows)))
