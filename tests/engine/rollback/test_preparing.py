"""What is looked at before anything runs: the plan's age, events in it, and other settings of today."""

from dataclasses import replace
from typing import Any

import pytest

from engine.events import Step
from engine.operation import Operation
from engine.past.opened import opened
from engine.past.version import Version
from engine.rollback.preparing import (
    Rollback,
    RollbackRefused,
    by_program,
    of_default_providers,
    refuse_events,
)
from engine.state.history import UpdateRecord
from engine.state.stacks import Stack
from tests.engine.past.sealed import seal, unseal
from tests.engine.state.journals import resource, urn

STACK = Stack(1, "tic", "proj", "dev", "/somewhere", 5, {}, 0.0)
RECORD = UpdateRecord("id", 3, "update", "succeeded", "me", "why", 0.0, 1.0, {}, {}, {}, 1)
BACK = Rollback(Version(RECORD, {}), since=5, config=(), plan="canary-in-the-plan")
PROVIDER = {
    **resource("default"),
    "urn": urn("default", "pulumi:providers:aws"),
    "type": "pulumi:providers:aws",
}


def test_the_plan_is_asked_for_anew_in_the_stacks_turn() -> None:
    made = BACK.operation(Operation("up"), lambda: replace(BACK, plan="made again"))
    assert made.registers is not None
    assert (made.registers(), made.message, made.runs_program) == ("made again", "rollback to 3", False)
    assert BACK.operation(Operation("up", message="at night"), lambda: BACK).message == "at night"


def test_a_plan_that_something_else_has_overtaken_is_refused() -> None:
    made = BACK.operation(Operation("up"), lambda: replace(BACK, since=6))
    assert made.registers is not None
    with pytest.raises(RollbackRefused, match="version 6 is the newest now, not 5") as refused:
        made.registers()
    assert refused.value.hint == "look at the plan again: tic stack rollback --to 3 --preview"


def test_a_plan_shows_no_secret_of_itself() -> None:
    assert "canary" not in f"{BACK!r} {BACK.operation(Operation('up'), lambda: BACK)!r}"


def test_an_event_that_would_happen_again_is_refused_by_name() -> None:
    order = urn("site", "tic:acme/order:Order")
    refuse_events(STACK, BACK, [Step("started", "same", order), Step("done", "delete", order)])
    with pytest.raises(RollbackRefused, match="tic:acme/order:Order site: an order would have to happen"):
        refuse_events(STACK, BACK, [Step("started", "replace", order)])


@pytest.mark.parametrize(
    ("had", "has", "way"),
    [
        ({"aws:region": "eu"}, {"aws:region": "us"}, "tic stack config set aws:region eu"),
        ({"aws:role": "a b"}, {}, "tic stack config set aws:role 'a b'"),
        ({}, {"aws:region": "us"}, "tic stack config remove aws:region"),
        ({"aws:key": seal("canary")}, {"aws:key": seal("other")}, "tic stack config set aws:key --secret"),
        ({"aws:tags": {"a": "1"}}, {"aws:tags": {"a": "2"}}, "tic stack config set aws:tags"),
        ({"aws:region": "eu"}, {"aws:region": "eu", "gcp:zone": "b", "proj:x": "1"}, None),
        ({"aws:key": seal("canary")}, {"aws:key": seal("canary")}, None),
    ],
)
def test_a_default_provider_whose_settings_are_others_names_the_way_back(
    had: dict[str, Any], has: dict[str, Any], way: str | None
) -> None:
    found = of_default_providers(
        {"resources": [PROVIDER, resource("a")]}, opened(had, unseal), opened(has, unseal)
    )
    assert [str(each).partition("first: ")[2] for each in found] == ([way] if way else [])


def test_the_way_back_with_the_program_names_the_commit_or_the_time() -> None:
    assert "check out what it was at 1970-01-01 00:00 UTC, then: tic stack up proj/dev" in by_program(
        STACK, BACK.to
    )
    known = Version(replace(RECORD, environment={"git.head": "0123456789abcdef"}), {})
    assert "check out commit 0123456789ab" in by_program(STACK, known)
