"""`tic cert accounts`: accounts as a table and as JSON; terms that the CA has changed; terminals are safe."""

import json
from typing import Any

from engine.certificates import terms
from engine.database import Database
from engine.home import Home
from engine.state import stacks, versions
from engine.state.versions import Checkpoint
from stacks.account_notes import Terms
from stacks.provider.acme.directories import DIRECTORIES
from tests.cli.command import Tic
from tests.engine.certificates.test_accounts import account, certificate

FIRST, SECOND = "https://ca.example/terms/1", "https://ca.example/terms/2"


def keep(tic: Tic, *resources: dict[str, Any], shows: Terms | None = None) -> None:
    """Let the stack site/dev have these; `shows` is what a CA shows by now."""
    database = Database.open(Home(tic.home, tic.home / "cache"))
    with database.write() as connection:
        stack = stacks.create(connection, "site", "dev")
        versions.save(connection, stack.id, 1, Checkpoint(1, 3, (), {"resources": list(resources)}))
        if shows is not None:
            terms.seen(connection, shows)
    database.close()


def test_without_accounts_the_way_to_one_is_told(tic: Tic) -> None:
    assert tic("cert", "accounts", "--json").out == "[]\n"
    said = tic("cert", "accounts")
    assert (said.code, said.out) == (0, "")
    assert "next: " in said.err


def test_an_account_is_one_line_with_the_cas_name_and_its_certificates(tic: Tic) -> None:
    known = account(directoryUrl=DIRECTORIES["letsencrypt"], contacts=["b@a.example"], keyEpoch=3)
    certificates = [certificate(name, known["id"], DIRECTORIES["letsencrypt"]) for name in "abcde"]
    keep(tic, known, *certificates)
    head, line = tic("cert", "accounts").out.splitlines()
    assert head.split() == ["CA", "ACCOUNT", "STACK", "KEY", "CONTACTS", "AGREED", "CERTIFICATES"]
    assert line.split() == [
        *("letsencrypt", known["id"], "site/dev/ca", "ec256", "(3)", "me@a.example,", "b@a.example"),
        *("2026-01-01", "site/dev/a,", "site/dev/b,", "site/dev/c", "and", "2", "more"),
    ]
    (one,) = json.loads(tic("cert", "accounts", "--json").out)
    assert one["certificates"] == [f"site/dev/{name}" for name in "abcde"]
    assert (one["terms"], one["newer_terms"]) == (FIRST, None)
    assert one["contacts"] == ["mailto:me@a.example", "mailto:b@a.example"]


def test_an_account_that_no_stack_made_is_listed_with_what_is_known(tic: Tic) -> None:
    keep(tic, certificate("www", "https://ca.example/acct/9"))
    line = tic("cert", "accounts").out.splitlines()[1]
    assert line.split()[1:] == ["https://ca.example/acct/9", "-", "-", "-", "-", "site/dev/www"]
    (one,) = json.loads(tic("cert", "accounts", "--json").out)
    assert (one["stack"], one["contacts"], one["stacks"]) == (None, None, ["site/dev"])


def test_terms_that_the_ca_has_changed_are_said_below_the_table(tic: Tic) -> None:
    keep(tic, account(), shows=Terms(account()["inputs"]["directoryUrl"], SECOND))
    said = tic("cert", "accounts")
    assert FIRST in said.err
    assert SECOND in said.err
    assert "next: read them" in said.err
    assert json.loads(tic("cert", "accounts", "--json").out)[0]["newer_terms"] == SECOND


def test_what_a_ca_calls_an_account_steers_no_terminal(tic: Tic) -> None:
    evil = "https://ca.example/\x1b]0;x\x07\x1b[2J"
    keep(tic, account(uri=evil, terms=evil), shows=Terms(account()["inputs"]["directoryUrl"], f"{evil}2"))
    said = tic("cert", "accounts")
    assert "\x1b" not in said.out + said.err
