"""`tic dns providers`: with what challenge records can be published."""

from typing import Annotated

import typer

from cli import table
from cli.telling import print_json, say

PACE = {
    "credential": "one by one",
    "zone": "one of a zone",
    "name": "one of a name",
    "none": "at once",
}


def providers(as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False) -> None:
    """Every DNS provider: the fields of its credential, its pace, and how far it is tested here."""
    from engine.dns_providers import gone, providers

    found = providers()
    if as_json:
        print_json({"providers": found, "gone": gone()})
        return
    table.write(
        ("PROVIDER", "WHAT IT IS", "RECORDS", "TTL", "TESTED", "FIELDS", "AGAINST"),
        [
            (
                each["provider"],
                each["label"],
                PACE[each["turns"]],
                _ttl(each["tuning"]),
                each["tested"],
                ", ".join(each["fields"]),
                each["against"] or "-",
            )
            for each in found
        ],
    )
    for former in gone():
        instead = f"use {former['use']}" if former["use"] else "nothing took its place"
        say(f"  {former['name']} is gone: {former['because']} ({instead})")
    say("  next: tic creds kinds --kind PROVIDER; then: tic creds new NAME --provider PROVIDER")


def _ttl(tuning: list[dict[str, object]]) -> str:
    for each in tuning:
        if each["name"] == "ttl":
            least = f", at least {each['least']}" if each["least"] else ""
            return f"{each['default']} s{least}" if each["default"] else "theirs"
    return "-"
