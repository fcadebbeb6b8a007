"""`tic creds` at a terminal: what is missing is asked for, and secrets are not shown."""

import json

import pytest

from tests.cli.command import Tic
from tests.cli.creds import CANARY, at_a_terminal, new


def test_missing_fields_are_asked_for_and_secrets_without_echo(tic: Tic) -> None:  # B1
    code, shown = at_a_terminal(
        tic,
        ["creds", "new", "prod", "--provider", "tencentcloud"],
        [
            ("SecretId:", "an-id"),
            ("SecretKey:", CANARY),
            ("Session token (temporary keys only) [none]:", ""),
            ("Region, e.g. ap-guangzhou [none]:", "not a region"),
            ("Region, e.g. ap-guangzhou [none]:", "ap-guangzhou"),
        ],
    )
    assert code == 0, shown
    assert CANARY not in shown
    assert "credential prod is made: tencentcloud, Active" in shown
    assert "region must be the name of a region" in shown
    fields = json.loads(tic("creds", "show", "prod", "--json").out)["fields"]
    assert fields == {"region": "ap-guangzhou", "secret-id": "an-id", "secret-key": "***"}


def test_a_rotation_asks_only_for_what_it_does_not_keep(tic: Tic) -> None:  # B5
    tic(
        "creds",
        "new",
        "me",
        "--provider",
        "username-password",
        "--field",
        "username=u",
        "--secrets-from",
        "-",
        stdin='{"password": "p"}',
    )
    code, shown = at_a_terminal(tic, ["creds", "rotate", "me"], [("Password:", CANARY)])
    assert code == 0, shown
    assert json.loads(tic("creds", "show", "me", "--json").out)["version"] == 2


@pytest.mark.parametrize(("answer", "left"), [("n", 2), ("", 2), ("y", 1)])
def test_deleting_asks_at_a_terminal(tic: Tic, answer: str, left: int) -> None:
    new(tic, "prod")
    new(tic, "next")
    code, shown = at_a_terminal(tic, ["creds", "delete", "next"], [("for good? [y/N]:", answer)])
    assert (code == 0) == (left == 1), shown
    assert len(json.loads(tic("creds", "list", "--json").out)) == left
