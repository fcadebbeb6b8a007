"""`tic creds rotate`: the provider is asked about the new values before the old ones go (B5, B9)."""

import json
import sqlite3
import sys
from contextlib import closing

import pytest

from tests.cli.command import Said, Tic, refusal
from tests.credentials.identity.asking import settle
from tests.emulators.jenkins import Jenkins
from tests.emulators.proxy import Response, clouds

HOST = "build.example.test"
URL = f"https://{HOST}/ci"
RIGHT, WRONG = "cAnArY-right-5f0e", "cAnArY-wrong-9a7c"


def rotate(tic: Tic, *words: str, token: str = RIGHT) -> Said:
    return tic("creds", "rotate", "ci", "--secrets-from", "-", *words, stdin=json.dumps({"api-token": token}))


@pytest.fixture
def tic(tic: Tic) -> Tic:
    fields = ("--field", "username=alice", "--field", f"url={URL}")
    made = tic(
        "creds",
        "new",
        "ci",
        "--provider",
        "jenkins",
        *fields,
        "--secrets-from",
        "-",
        stdin='{"api-token": "old"}',
    )
    assert made.code == 0, made.err
    return tic


def shown(tic: Tic) -> str:
    return tic("creds", "show", "ci", "--reveal", "--yes", "--json").out


def version(tic: Tic) -> int:
    known: int = json.loads(tic("creds", "show", "ci", "--json").out)["version"]
    return known


def last_entry(tic: Tic) -> dict[str, object]:
    listed = json.loads(tic("audit", "list", "--action", "credential.rotate", "--json").out)
    entry: dict[str, object] = listed[-1]
    return entry


def test_what_the_provider_accepts_is_taken_and_it_is_said_who_that_is(
    tic: Tic, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clouds({HOST: Jenkins({"alice": RIGHT}, "/ci")}) as env:
        settle(monkeypatch, env)
        said = rotate(tic)
    assert (said.code, said.out) == (0, "")
    first, second, third, fourth = said.err.splitlines()
    assert first == "asking jenkins who the new values are"
    assert second.startswith("credential ci has new values (version 2); its token is the same: tic_")
    assert third == f"  jenkins accepts them: alice in account {HOST}"
    assert fourth == "  next: revoke the former values where they came from"
    assert last_entry(tic)["detail"] == {"verified": "alice", "version": "2"}
    assert "cAnArY" not in said.err


def test_what_the_provider_rejects_changes_nothing(tic: Tic, monkeypatch: pytest.MonkeyPatch) -> None:
    before = json.loads(shown(tic))["fields"]
    with clouds({HOST: Jenkins({"alice": RIGHT}, "/ci")}) as env:
        settle(monkeypatch, env)
        said = rotate(tic, token=WRONG)
    assert (said.code, said.out) == (1, "")
    asking, error, following = said.err.splitlines()
    assert asking == "asking jenkins who the new values are"
    assert error.startswith(
        "error: the new values of 'ci' were not taken, nothing was changed: jenkins rejects"
    )
    assert following.endswith("or take them without asking: tic creds rotate ci --no-verify")
    assert "CREDENTIAL" not in following
    after = json.loads(shown(tic))
    assert (after["fields"], after["version"]) == (before, 1)
    assert "cAnArY" not in said.err


def test_a_provider_that_cant_be_reached_changes_nothing(tic: Tic, monkeypatch: pytest.MonkeyPatch) -> None:
    with clouds({"another.example.test": Jenkins({})}) as env:
        settle(monkeypatch, env)
        said = rotate(tic)
    assert said.code == 6
    assert "nothing was changed: jenkins can't be asked" in said.err
    assert "tic creds rotate ci --no-verify" in said.err
    assert json.loads(shown(tic))["version"] == 1


def test_an_answer_that_says_nothing_changes_nothing(tic: Tic, monkeypatch: pytest.MonkeyPatch) -> None:
    with clouds({HOST: lambda _request: Response(503)}) as env:
        settle(monkeypatch, env)
        said = rotate(tic)
    assert said.code == 1
    assert "nothing was changed" in said.err
    assert json.loads(shown(tic))["version"] == 1


def test_nobody_is_asked_if_one_says_so_and_the_log_has_it(tic: Tic, monkeypatch: pytest.MonkeyPatch) -> None:
    with clouds({HOST: Jenkins({"alice": RIGHT}, "/ci")}) as env:
        settle(monkeypatch, env)
        said = rotate(tic, "--no-verify", token=WRONG)
        assert env.requests == []
    assert said.code == 0
    assert "  they were not verified: --no-verify\n" in said.err
    assert last_entry(tic)["detail"] == {"verified": "no (--no-verify)", "version": "2"}


def test_a_kind_that_nobody_can_be_asked_about_is_rotated_with_a_note(tic: Tic) -> None:
    tic("creds", "new", "dns", "--provider", "exec", "--field", "path=/bin/true")
    said = tic("creds", "rotate", "dns", "--field", "path=/bin/false")
    assert said.code == 0
    assert "asking" not in said.err
    assert (
        "  they were not verified: nobody can be asked who a credential of the kind exec is: "
        "its provider has no call that tells\n"
    ) in said.err


def test_without_the_providers_sdk_it_is_rotated_with_a_note(
    tic: Tic, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "tencentcloud"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tencentcloud", None)
    keys = json.dumps({"secret-id": "an-id", "secret-key": RIGHT})
    tic("creds", "new", "tc", "--provider", "tencentcloud", "--secrets-from", "-", stdin=keys)
    said = tic("creds", "rotate", "tc", "--secrets-from", "-", stdin=keys.replace("an-id", "another-id"))
    assert said.code == 0
    assert "  they were not verified: asking tencentcloud who a credential is needs its SDK" in said.err


def test_bad_input_is_refused_before_anybody_is_asked(tic: Tic, monkeypatch: pytest.MonkeyPatch) -> None:
    with clouds({HOST: Jenkins({"alice": RIGHT}, "/ci")}) as env:
        settle(monkeypatch, env)
        said = rotate(tic, "--field", "url=nowhere")
        assert env.requests == []
    assert said.code == 2
    assert "url must be a URL" in refusal(said)[0]


@pytest.mark.parametrize("words", [(), ("--no-verify",)])
def test_the_values_that_it_has_are_no_rotation(
    tic: Tic, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:  # B5
    before = json.loads(shown(tic))["fields"]
    with clouds({HOST: Jenkins({"alice": "old"}, "/ci")}) as env:
        settle(monkeypatch, env)
        said = rotate(tic, *words, token="old")
        assert env.requests == []
    assert said.code == 2
    error, following = refusal(said)
    assert error == "these are the values that 'ci' has; nothing was changed"
    assert "revoke" not in error + following
    assert (json.loads(shown(tic))["fields"], version(tic)) == (before, 1)


def test_where_no_secret_is_replaced_nothing_is_to_be_revoked(tic: Tic) -> None:  # B5
    said = rotate(tic, "--no-verify", "--field", f"url={URL}/other", token="old")
    assert said.code == 0
    assert "there is nothing to revoke" in said.err
    assert "revoke the former" not in said.err
    assert version(tic) == 2
    assert "revoke the former" in rotate(tic, "--no-verify").err


def test_new_values_mend_a_credential_whose_values_do_not_open(tic: Tic) -> None:
    with closing(sqlite3.connect(tic.home / "tic.db")) as database, database:
        database.execute("UPDATE credential_field SET sealed = x'00' WHERE name = 'api-token'")
    assert tic("vault", "accept", "--yes").code == 0
    assert "revoke the former" in rotate(tic, "--no-verify", token="old").err
    assert version(tic) == 2
