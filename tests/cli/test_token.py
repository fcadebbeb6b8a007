"""`tic token`: a token is shown once, listed without it, and taken back; the audit log tells of both."""

import json
import re

import pytest

from tests.cli.command import Tic, anything, refusal

EVERYWHERE = "0.0.0.0"  # noqa: S104  # nothing is bound to it here
TOKEN = re.compile(r"tic-access-[A-Za-z0-9_-]{43}\n")


def test_a_token_is_printed_once_alone_on_stdout(tic: Tic) -> None:
    made = tic("token", "new", "ci", "--project", "shop", "--read-only", "--expires", "2999-12-31")
    assert made.code == 0
    assert TOKEN.fullmatch(made.out)
    assert "ci may read stacks of shop, until 2999-12-31T00:00:00+00:00" in made.err
    assert made.out.strip() not in made.err
    secret = made.out.strip()
    for words in (["token", "list"], ["token", "list", "--json"], ["audit", "list", "--json"]):
        said = tic(*words)
        assert secret not in said.out + said.err
    files = [path for path in tic.home.rglob("*") if path.is_file()]
    assert [path for path in files if secret.encode() in path.read_bytes()] == []


def test_the_list_tells_what_each_may_and_until_when(tic: Tic) -> None:
    tic("token", "new", "one", "--stack", "shop/dev")
    tic("token", "new", "all", "--expires", "never")
    found = json.loads(tic("token", "list", "--json").out)
    assert found == [
        anything(name="all", project=None, stack=None, read_only=False, expires=None, expired=False),
        anything(name="one", project="shop", stack="dev", read_only=False, last_used=None, expired=False),
    ]
    assert all("@" in each["made_by"] for each in found)
    head, every, one = tic("token", "list").out.splitlines()
    assert head.split() == ["NAME", "MAY", "MADE", "BY", "CREATED", "EXPIRES", "LAST", "USED"]
    assert every.split()[:4] == ["all", "use", "every", "stack"]
    assert one.split()[:3] == ["one", "use", "shop/dev"]
    assert every.split()[-2:] == ["never", "never"]


def test_without_any_the_list_says_how_to_make_one(tic: Tic) -> None:
    said = tic("token", "list")
    assert (said.code, said.out) == (0, "")
    assert "tic token new NAME" in said.err
    assert json.loads(tic("token", "list", "--json").out) == []


def test_a_revoked_one_is_gone_and_its_name_free(tic: Tic) -> None:
    tic("token", "new", "ci")
    assert tic("token", "revoke", "ci").code == 0
    assert json.loads(tic("token", "list", "--json").out) == []
    assert tic("token", "new", "ci").code == 0


def test_the_audit_log_tells_who_made_and_revoked_what_and_what_was_refused(tic: Tic) -> None:  # B10
    tic("token", "new", "ci", "--stack", "shop/dev")
    tic("token", "new", "ci")
    tic("token", "revoke", "ci")
    told = [
        (each["action"], each["outcome"], each["name"], each["stack"])
        for each in json.loads(tic("audit", "list", "--action", "access-token", "--json").out)
    ]
    assert told == [
        ("access-token.new", "done", "ci", "shop/dev"),
        ("access-token.new", "refused", "ci", None),
        ("access-token.revoke", "done", "ci", None),
    ]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["new", "ci", "--stack", "dev"], 2, "for one stack, or for a project"),
        (["new", "ci", "--stack", "a/b/c"], 2, "for one stack, or for a project"),
        (["new", "ci", "--stack", "a/b", "--project", "a"], 2, "for one stack, or for a project"),
        (["new", "ci", "--stack", "/b"], 2, "'' is no name"),
        (["new", "ci", "--project", "a b"], 2, "'a b' is no name"),
        (["new", "ci", "--expires", "yesterday"], 2, "neither a span nor a date"),
        (["new", "ci", "--expires", "1999-01-01"], 2, "is no time ahead"),
        (["new", "c\x1bi"], 2, "this name can't be used"),
        (["revoke", "nobody"], 4, "there is no access token 'nobody'"),
    ],
)
def test_what_can_not_be_is_refused_with_the_next_step(
    tic: Tic, words: list[str], code: int, said: str
) -> None:
    answer = tic("token", *words)
    message, _next = refusal(answer)
    assert answer.code == code
    assert said in message
    assert json.loads(tic("token", "list", "--json").out) == []


def test_one_of_that_name_is_there(tic: Tic) -> None:
    tic("token", "new", "ci")
    answer = tic("token", "new", "ci")
    assert answer.code == 3
    assert "there is an access token 'ci' already" in refusal(answer)[0]


def test_a_token_that_was_put_into_the_database_by_hand_stops_the_vault(tic: Tic) -> None:
    """B10: a row that tic has not written is noticed at the next change, and by the doctor."""
    import sqlite3

    tic("token", "new", "ci")
    with sqlite3.connect(tic.home / "tic.db") as connection:
        connection.execute("UPDATE access_token SET expires_at = NULL, project = NULL")
    connection.close()
    assert tic("token", "new", "other").code == 5
    assert tic("vault", "doctor").code == 5


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--host", EVERYWHERE], 3, "without TLS"),
        (["--host", "192.0.2.1", "--tls-cert", "a.pem"], 2, "come together"),
        (["--host", "192.0.2.1", "--tls-cert", "/no/a", "--tls-key", "/no/b"], 2, "/no/a can't be read"),
        (["--behind-proxy", "http://tic.example.test"], 2, "is not the URL of a proxy"),
        (["--behind-proxy", "https://tic.example.test"], 3, "no access token that is valid"),
        (["--host", "no such host"], 2, "has no address here"),
    ],
)
def test_what_can_not_be_served_is_refused_with_the_next_step(
    tic: Tic, words: list[str], code: int, said: str
) -> None:
    answer = tic("serve", *words)
    message, following = refusal(answer)
    assert answer.code == code
    assert said in message
    assert "tic " in following or "--" in following


def test_without_a_vault_nothing_is_served(fresh: Tic) -> None:
    answer = fresh("serve")
    assert answer.code == 5
    assert "tic vault init" in refusal(answer)[1]
