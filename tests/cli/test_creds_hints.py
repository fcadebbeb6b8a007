"""`tic creds`: what it says to do next fits the kind, and what it prints can't steer a terminal."""

import json

import pytest

from tests.cli.command import Tic, refusal
from tests.cli.creds import change, new


def made(tic: Tic, provider: str, stdin: str, *fields: str, name: str = "mine") -> str:
    """What follows when the first credential of a kind is made."""
    options = [word for field in fields for word in ("--field", field)]
    said = tic("creds", "new", name, "--provider", provider, *options, "--secrets-from", "-", stdin=stdin)
    assert said.code == 0, said.err
    return said.err.splitlines()[-1].removeprefix("  next: ")


def test_a_dns_credential_leads_to_a_certificate(tic: Tic) -> None:
    following = made(tic, "rfc2136", "{}", "nameserver=ns.example")
    assert following == "tic stack new NAME --template certificate"


def test_an_acme_account_leads_to_a_certificate_that_names_it(tic: Tic) -> None:
    following = made(tic, "acme-account", '{"hmac": "c2VjcmV0"}', "kid=k")
    assert following == "tic stack new NAME --template certificate --set eabCredential=mine"


def test_a_bot_leads_to_a_message_and_a_login_to_a_command(tic: Tic) -> None:
    assert made(tic, "dingtalk", '{"token": "t"}') == "tic creds notify mine MESSAGE"
    registry = made(
        tic, "container-registry", '{"password": "p"}', "server=ghcr.io", "username=u", name="hub"
    )
    assert registry == "tic creds exec hub -- COMMAND"


def test_any_other_leads_to_a_project_that_uses_it(tic: Tic) -> None:
    following = made(tic, "username-password", '{"password": "p"}', "username=u")
    assert following == (
        "tic stack new NAME --provider username-password (in the folder of a project that uses it)"
    )


@pytest.mark.parametrize(
    ("provider", "given", "following"),
    [
        (
            "username-password",
            {},
            "give them as JSON in a private file or on stdin (--secrets-from FILE|-), "
            "or username also as --field username=VALUE, "
            "or password also from a private file, as --field password=@FILE",
        ),
        (
            "username-password",
            {"username": "u"},
            "give it as JSON in a private file or on stdin (--secrets-from FILE|-), "
            "or password also from a private file, as --field password=@FILE",
        ),
        (
            "tencentcloud",
            {"secret-id": "i"},
            "give it as JSON in a private file or on stdin (--secrets-from FILE|-), "
            "or from the environment (--from-env), "
            "or secret-key also from a private file, as --field secret-key=@FILE",
        ),
    ],
)
def test_only_ways_that_the_kind_takes_are_offered(
    tic: Tic, provider: str, given: dict[str, str], following: str
) -> None:
    said = tic("creds", "new", "x", "--provider", provider, "--secrets-from", "-", stdin=json.dumps(given))
    assert said.code == 2
    assert refusal(said)[1] == following


def test_a_port_that_does_not_exist_is_refused(tic: Tic) -> None:
    said = tic("creds", "new", "x", "--provider", "rfc2136", "--field", "nameserver=127.0.0.1:99999")
    assert said.code == 2
    assert "nameserver must be a host or host:port (ports 1 to 65535)" in refusal(said)[0]


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        ("new", "NAME"),
        ("rotate", "CREDENTIAL"),
        ("activate", "CREDENTIAL"),
        ("delete", "CREDENTIAL"),
        ("show", "CREDENTIAL"),
        ("kinds", "--kind PROVIDER"),
    ],
)
def test_help_names_what_it_wants_in_capitals(tic: Tic, command: str, wanted: str) -> None:
    said = tic("creds", command, "--help")
    assert said.code == 0
    assert f"  {wanted}  " in said.out
    assert " TEXT " not in said.out


def test_what_stands_in_the_database_does_not_steer_the_terminal(tic: Tic) -> None:
    new(tic, "prod")
    new(tic, "next")
    change(tic, "UPDATE credential SET name = name || char(27) || '[2J' || char(155) || char(8238)")
    change(tic, "UPDATE credential SET last_used_at = 1, last_used_for = char(27) || ']0;x' || char(7)")
    token = json.loads(tic("creds", "list", "--json").out)[0]["token"]
    for words in (
        ["list"],
        ["list", "--json"],
        ["show", token],
        ["show", token, "--json"],
        ["delete", token],
    ):
        said = tic("creds", *words)
        assert all(one.isprintable() or one == "\n" for one in said.out + said.err), words
    names = {one["name"] for one in json.loads(tic("creds", "list", "--json").out)}
    assert names == {"prod\x1b[2J\x9b\u202e", "next\x1b[2J\x9b\u202e"}  # the data itself stays what it is
