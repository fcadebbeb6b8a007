"""`tic creds`: transcripts. Data is on stdout, everything else on stderr, and a secret on neither."""

import json
import re
import sys

import pytest

from tests.cli.command import Tic, anything, refusal
from tests.cli.creds import CANARY, KEYS, TOKEN, bind, change, masked, new


def test_clearing_what_is_not_there_speaks_of_no_stacks(tic: Tic) -> None:  # A7
    said = tic("creds", "clear", "tencentcloud")
    assert said.code == 3
    assert "there are no credentials of tencentcloud to clear" in said.err
    assert "stacks would be left" not in said.err
    new(tic, "prod")
    assert "its linked role is not enabled" in tic("creds", "clear", "tencentcloud").err


def test_the_list_fits_eighty_columns(tic: Tic) -> None:  # B8
    assert tic("creds", "list").err == (
        "no credentials yet\n  next: tic creds new NAME --provider P (tic creds kinds lists them)\n"
    )
    new(tic, "prod")
    new(tic, "生产")
    tic("creds", "new", "dns", "--provider", "exec", "--field", f"path={sys.executable}")
    said = tic("creds", "list")
    assert (said.code, said.err) == (0, "")
    out = re.sub(r"\d+ s", "0 s", TOKEN.sub("tic_abcdefghijklmnop", said.out))
    assert out.splitlines() == [
        "NAME  PROVIDER      STATE   SCOPE  TOKEN                 USED   AGE  STACKS",
        "dns   exec          Active  all    tic_abcdefghijklmnop  never  0 s  -",
        "prod  tencentcloud  Active  all    tic_abcdefghijklmnop  never  0 s  -",
        "生产  tencentcloud  Ready   all    tic_abcdefghijklmnop  never  0 s  -",
    ]
    assert max(map(len, out.splitlines())) <= 80


def test_the_list_as_json_names_the_stacks(tic: Tic) -> None:  # B4, B8
    new(tic, "prod")
    bind(tic, "prod", "web", "site")
    (one,) = json.loads(tic("creds", "list", "--json").out)
    assert one == anything(
        name="prod", provider="tencentcloud", state="active", version=1, stacks=["web/site"]
    )
    assert one == anything(last_used_at=None, last_used_for=None)
    assert TOKEN.fullmatch(one["token"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one["created_at"])
    assert "web/site" in tic("creds", "list").out


def test_show_hides_secrets_by_name_and_by_token(tic: Tic) -> None:  # B4
    new(tic, "prod", "--field", "region=ap-guangzhou")
    token = json.loads(tic("creds", "show", "prod", "--json").out)["token"]
    said = tic("creds", "show", token)
    assert said == tic("creds", "show", "prod")
    fields = said.out.split("\n\n")[1].splitlines()
    assert fields == [
        "FIELD       VALUE",
        "region      ap-guangzhou",
        "secret-id   an-id",
        "secret-key  ***",
    ]
    assert f"token:        {token}\n" in said.out


@pytest.mark.parametrize(
    "command",
    [["show"], ["activate"], ["delete", "--yes"], ["rotate", "--secrets-from", "-"]],
    ids=lambda one: one[0],
)
def test_what_is_not_there_is_not_found(tic: Tic, command: list[str]) -> None:
    new(tic, "production")
    said = tic("creds", command[0], "producton", *command[1:], stdin=KEYS)
    assert said.code == 4
    assert refusal(said) == (
        "there is no credential 'producton'; did you mean 'production'?",
        "see all of them: tic creds list",
    )


def test_rotate_keeps_token_and_settings(tic: Tic) -> None:  # B5
    new(tic, "prod", "--field", "region=r")
    before = json.loads(tic("creds", "show", "prod", "--json").out)
    said = tic(
        "creds", "rotate", "prod", "--no-verify", "--secrets-from", "-",
        stdin='{"secret-id": "new", "secret-key": "k"}',
    )  # fmt: skip
    assert said.code == 0
    assert masked(said).startswith(
        "credential prod has new values (version 2); its token is the same: TOKEN\n"
    )
    after = json.loads(tic("creds", "show", "prod", "--json").out)
    assert after["fields"] == {"region": "r", "secret-id": "new", "secret-key": "***"}
    assert (after["token"], after["version"]) == (before["token"], 2)


def test_a_refused_rotation_keeps_the_old_values(tic: Tic) -> None:
    new(tic, "prod")
    before = tic("creds", "show", "prod", "--json").out
    said = tic("creds", "rotate", "prod", "--secrets-from", "-", stdin='{"secret-key": "k"}')
    assert said.code == 2
    assert refusal(said)[0] == "secret-id of the tencentcloud credential is missing"
    assert tic("creds", "show", "prod", "--json").out == before


def test_rotate_says_what_is_gone(tic: Tic) -> None:
    tic(
        "creds",
        "new",
        "cf",
        "--provider",
        "cloudflare",
        "--field",
        "email=a@b",
        "--secrets-from",
        "-",
        stdin='{"api-key": "k"}',
    )
    words = ["creds", "rotate", "cf", "--no-verify", "--secrets-from", "-"]
    said = tic(*words, stdin='{"api-token": "t"}')
    assert "  it no longer has: api-key, email\n" in said.err


def test_activate_swaps_and_says_so(tic: Tic) -> None:  # B2, B3
    new(tic, "prod")
    new(tic, "next")
    said = tic("creds", "activate", "next")
    assert (said.code, said.out) == (0, "")
    assert said.err == (
        "credential next is Active: new stacks that need tencentcloud use it\n"
        "  prod is Ready; stacks that are bound to it stay with it\n"
        "  next: move a stack to it: tic stack bind STACK next\n"
    )
    assert [one["state"] for one in json.loads(tic("creds", "list", "--json").out)] == ["active", "ready"]


def test_deleting_asks_and_without_a_terminal_wants_yes(tic: Tic) -> None:
    new(tic, "prod")
    new(tic, "next")
    said = tic("creds", "delete", "next")
    assert said.code == 2
    assert refusal(said) == (
        "deleting 'next' is for good, and there is no terminal to ask at",
        "say yes in advance: tic creds delete next --yes",
    )
    assert tic("creds", "delete", "next", "--yes").code == 0
    assert [one["name"] for one in json.loads(tic("creds", "list", "--json").out)] == ["prod"]


def test_the_active_one_is_not_deleted(tic: Tic) -> None:  # A8
    new(tic, "prod")
    said = tic("creds", "delete", "prod", "--yes")
    assert said.code == 3
    assert refusal(said)[0] == "'prod' can't be deleted: it is the Active credential of tencentcloud"


def test_one_in_use_is_not_deleted_and_the_error_names_its_stacks(tic: Tic) -> None:  # A8
    new(tic, "prod")
    new(tic, "next")
    bind(tic, "next", "web", "site")
    for words in (["--yes"], []):
        said = tic("creds", "delete", "next", *words)
        assert said.code == 3
        assert refusal(said) == (
            "'next' can't be deleted: web/site uses it",
            "destroy the stack first: tic stack destroy web/site; or move it to another credential: "
            "tic stack bind web/site OTHER (in a slot: --as SLOT)",
        )


def test_no_command_prints_a_secret(tic: Tic) -> None:  # B4
    said = [
        new(tic, "prod"),
        new(tic, "prod"),
        new(tic, "next"),
        *(tic("creds", *words) for words in (
            ["list"], ["list", "--json"], ["show", "prod"], ["show", "prod", "--json"], ["activate", "next"],
            ["delete", "next", "--yes"], ["delete", "prod", "--yes"],
        )),
        tic("vault", "status"),
        tic("vault", "status", "--json"),
    ]  # fmt: skip
    for one in said:
        assert CANARY not in one.out + one.err
    assert all(CANARY.encode() not in path.read_bytes() for path in tic.home.rglob("*") if path.is_file())


def test_a_damaged_credential_is_an_error_that_names_it(tic: Tic) -> None:
    new(tic, "prod")
    change(tic, "UPDATE credential_field SET sealed = x'0000'")
    said = tic("creds", "show", "prod")
    assert said.code == 5
    assert refusal(said)[0].startswith("'prod' (tic_")
    assert tic("creds", "list").code == 0
