"""C1, C2: what ran, what it left, and what differs between two versions; secrets in none of it."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.e2e.shelf import Shelf, shelf

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory, pulumi_command: Path) -> Shelf:
    """Three versions: made; changed with more configuration and the same secret, sealed anew; failed."""
    made = shelf(tmp_path_factory.mktemp("past"), pulumi_command)
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@shop.test"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "all of it"]):
        subprocess.run(["git", *words], cwd=made.tic.folder, check=True)
    made.tic("stack", "config", "set", "password", "--secret", stdin="canary-of-the-config")
    made.up("the first")
    made.tic("stack", "config", "set", "password", "--secret", stdin="canary-of-the-config")
    made.tic("stack", "config", "set", "size", "3")
    made.up("the second", value="two", secret="canary-two", extra=True)
    made.up("the third", value="three", secret="canary-two", extra=True, fail="update", code=1)
    return made


def test_the_history_says_who_did_what_when_why_and_from_which_commit(past: Shelf) -> None:
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=past.tic.folder, check=True, capture_output=True, text=True
    )
    third, second, first = past.history()
    assert [each["result"] for each in (first, second, third)] == ["succeeded", "succeeded", "failed"]
    assert (first["version"], first["kind"], first["message"]) == (1, "up", "the first")
    assert second["changes"] == {"create": 1, "same": 4, "update": 1}
    assert (second["commit"], second["uncommitted"]) == (head.stdout.strip(), True)
    assert all(each["user"] and each["started"] and each["seconds"] is not None for each in (first, third))
    (newest,) = past.tic("stack", "history", "--json", "--limit", "1").json()
    assert newest == third
    table = past.tic("stack", "history").out
    assert "VERSION" in table
    assert "the second" in table
    assert f"{second['commit'][:8]}+" in table


def test_a_version_is_shown_as_it_was(past: Shelf) -> None:
    shown = past.tic("stack", "show", "dev", "--version", "1", "--json").json()
    first = next(each for each in shown["resources"] if each["name"] == "first")
    assert (first["inputs"]["value"], first["inputs"]["secret"]) == ("one", "[secret]")
    assert first["outputs"]["address"] == "[secret]"
    assert shown["outputs"] == {"first": first["id"], "secret": "[secret]"}
    assert shown["config"] == {"shop:password": "[secret]"}
    assert (shown["version"], shown["newest"], shown["message"]) == (1, 3, "the first")
    text = past.tic("stack", "show", "--version", "2").out
    assert 'shop:size: "3"' in text
    assert 'shop:password: "[secret]"' in text
    assert "shelf:index:Box" in text
    assert "canary" not in text + json.dumps(shown)


def test_what_differs_is_named_with_its_path_and_a_secret_sealed_anew_is_no_difference(past: Shelf) -> None:
    found = past.tic("stack", "diff", "1", "2", "--json").json()
    assert [(each["name"], each["kind"]) for each in found["resources"]] == [
        ("extra", "added"),
        ("first", "changed"),
    ]
    assert found["resources"][1]["inputs"] == [
        {"path": "secret", "kind": "changed", "before": "[secret]", "after": "[secret]", "secret": True},
        {"path": "value", "kind": "changed", "before": "one", "after": "two", "secret": False},
    ]
    assert [each["path"] for each in found["outputs"]] == ["secret"]
    assert [(each["path"], each["after"]) for each in found["config"]] == [("shop:size", "3")]
    text = past.tic("stack", "diff", "dev", "1", "2").out
    assert '    ~ value: "one" -> "two"' in text
    assert "    ~ secret: changed, secret" in text
    assert "canary" not in text + json.dumps(found)


def test_scripts_learn_from_the_exit_code_whether_anything_differs(past: Shelf) -> None:
    past.tic("stack", "diff", "1", "2", "--exit-code", code=10)
    past.tic("stack", "diff", "1", "--exit-code", code=10)
    assert "are the same" in past.tic("stack", "diff", "2", "2", "--exit-code").err
    assert past.tic("stack", "diff", "2", "2", "--json").json()["same"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["show", "--version", "4"], 4, "shop/dev has no version 4; its last is 3"),
        (["diff", "0", "1"], 4, "shop/dev has no version 0"),
        (["diff", "one"], 2, "which versions are meant?"),
        (["diff"], 2, "which versions are meant?"),
        (["diff", "dev", "1", "2", "3"], 2, "which versions are meant?"),
        (["diff", "nobody", "1"], 4, "there is no stack 'nobody'"),
        (["rollback", "--to", "9"], 4, "shop/dev has no version 9"),
        (["rollback", "--to", "3"], 3, "is its newest: there is nothing to roll back"),
    ],
)
def test_what_is_not_there_is_said_with_what_to_do(
    past: Shelf, words: list[str], code: int, said: str
) -> None:
    result = past.tic("stack", *words, code=code)
    assert said in result.err
    assert "  next: " in result.err
    assert result.out == ""
