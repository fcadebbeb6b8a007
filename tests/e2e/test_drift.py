"""C1: what the world has and the state does not say is seen, by people and scripts, and left as it is."""

import json
from pathlib import Path

import pytest

from tests.e2e.command import Tic
from tests.e2e.shelf import Shelf, shelf

pytestmark = pytest.mark.server


@pytest.fixture
def made(tmp_path: Path, pulumi_command: Path) -> Shelf:
    """A stack that ran once."""
    there = shelf(tmp_path, pulumi_command)
    there.up(extra=True)
    return there


def test_drift_is_shown_with_an_exit_code_leaves_no_trace_and_can_be_taken_into_the_state(
    made: Shelf,
) -> None:
    made.change("first", value="changed outside", secret="canary-outside")
    (made.world / made.ids()["extra"]).unlink()
    before, history = made.boxes(), made.history()
    state = made.tic("stack", "show", "--json").json()

    seen = made("refresh", "--preview", "--exit-code", code=10)
    assert "shelf:index:Box extra is gone" in seen.err
    assert "shelf:index:Box first differs from the state" in seen.err
    assert '~ value: "one" -> "changed outside"' in seen.err
    assert "~ secret: changed, secret" in seen.err
    assert "1 gone, 1 changed; nothing was touched" in seen.err
    assert "  next: take it into the state: tic stack refresh shop/dev" in seen.err

    # Without --exit-code, drift is no failure.
    told = made("refresh", "--preview", "--json")
    events = [json.loads(line) for line in told.out.splitlines()]
    (changed,) = [each for each in events if each.get("differences")]
    assert (changed["name"], changed["operation"], changed["phase"]) == ("first", "update", "done")
    assert changed["differences"] == [
        {
            "path": "value",
            "kind": "changed",
            "before": "one",
            "after": "changed outside",
            "secret": False,
        },
        {"path": "secret", "kind": "changed", "before": "[secret]", "after": "[secret]", "secret": True},
    ]
    assert events[-1] == {"event": "end", "succeeded": True, "interrupted": False}
    assert "canary" not in seen.err + told.out + told.err

    assert (made.boxes(), made.history()) == (before, history)
    assert made.tic("stack", "show", "--json").json() == state

    made("refresh")
    nothing = made("refresh", "--preview", "--exit-code")
    assert "what is there is what the state of shop/dev says" in nothing.err
    found = made.tic("stack", "diff", "1", "--json").json()
    assert [(each["name"], each["kind"]) for each in found["resources"]] == [
        ("extra", "removed"),
        ("first", "changed"),
    ]


@pytest.mark.parametrize(
    "words", [["--exit-code"], ["--preview", "--clear-pending-creates"], ["--preview", "-m", "why"]]
)
def test_what_does_not_go_together_is_said(tmp_path: Path, words: list[str]) -> None:
    refused = Tic(tmp_path / "home", tmp_path)("stack", "refresh", *words, code=2)
    assert "  next: " in refused.err
