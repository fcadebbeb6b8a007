"""The judge of histories: each rule that a transaction can break has a transaction that breaks it."""

import pytest

from tests.credentials.judge import Cells, Step, World, judge

KIND = "aws"


def credential(number: int, state: str = "ready", **other: str) -> Cells:
    scope, kind = other.get("scope", "all"), other.get("kind", KIND)
    return (number, other.get("token", f"t{number}"), f"c{number}", kind, state, 1, scope)


def made(place: str, row: Cells) -> Step:
    return Step(place, None, row)


def gone(place: str, row: Cells) -> Step:
    return Step(place, row, None)


def role(state: str, *, source: int | None = None, principal: str = "as a-role") -> Cells:
    return (KIND, state, "a-role", source, principal)


def told(action: str, stack: str | None = None, kind: str | None = KIND) -> Step:
    return Step("audit", None, (action, "done", kind, stack))


STACK = made("stack", (1, "site", "dev"))
ACTIVE = made("credential", credential(1, "active"))
READY = made("credential", credential(2))
USES_IT = (1, KIND, 1, None)
NOT_SERVED = (1, KIND, None, None)
BY_ROLE = (1, KIND, None, KIND)
BOUND = made("binding", USES_IT)
ENABLED = made("linked_role", role("enabled"))
FAILED = made("linked_role", role("failed"))
FREED = told("binding.release", "site/dev")

BROKEN: dict[str, tuple[list[Step], list[Step], str]] = {
    "two active": (
        [ACTIVE, READY],
        [Step("credential", credential(2), credential(2, "active"))],
        "two Active",
    ),
    "made ready first": ([], [READY], "with an Active one: False (B2)"),
    "made with a role": ([ENABLED], [ACTIVE], "while a role is linked (A6)"),
    "made with a failed role": ([FAILED], [ACTIVE], "while a role is linked (A6)"),
    "deleted in use": (
        [STACK, ACTIVE, BOUND],
        [Step("binding", USES_IT, NOT_SERVED), gone("credential", credential(1, "active"))],
        "was deleted while",
    ),
    "deleted in use, bound to it still": (
        [STACK, ACTIVE, BOUND],
        [gone("credential", credential(1, "active"))],
        "has no credential (A8)",
    ),
    "deleted while active": (
        [ACTIVE],
        [gone("credential", credential(1, "active"))],
        "deleted while it was Active (A8)",
    ),
    "deleted in use with a failed role": (
        [STACK, ACTIVE, BOUND, FAILED],
        [Step("binding", USES_IT, BY_ROLE), gone("credential", credential(1, "active"))],
        "was deleted while",
    ),
    "deleted without falling back": (
        [STACK, ACTIVE, BOUND, ENABLED],
        [Step("binding", USES_IT, NOT_SERVED), gone("credential", credential(1, "active"))],
        "did not fall back to the role (A8)",
    ),
    "role gone in use": (
        [STACK, ENABLED, made("binding", BY_ROLE)],
        [Step("binding", BY_ROLE, NOT_SERVED), gone("linked_role", role("enabled")), FREED],
        "was taken away while",
    ),
    "bound to no role": (
        [STACK],
        [made("binding", BY_ROLE), told("stack.new", "site/dev")],
        "has no role that was ever taken on (A2, A3)",
    ),
    "role goes back while a stack uses it": (
        [STACK, ENABLED, made("binding", BY_ROLE)],
        [Step("linked_role", role("enabled"), role("authorizing"))],
        "has no role that was ever taken on (A2, A3)",
    ),
    "role enabled untried": (
        [],
        [made("linked_role", role("enabled", principal="as another-role"))],
        "was never taken on, and is enabled (A2)",
    ),
    "source of a role deleted": (
        [READY, made("linked_role", role("enabled", source=2))],
        [gone("credential", credential(2))],
        "is taken on with a credential that is gone",
    ),
    "another token": (
        [ACTIVE],
        [Step("credential", credential(1, "active"), credential(1, "active", token="other"))],
        "(B5)",
    ),
    "moved by another becoming active": (
        [STACK, ACTIVE, READY, BOUND],
        [Step("binding", USES_IT, (1, KIND, 2, None)), told("credential.activate")],
        "(B3)",
    ),
    "moved with another stack": (
        [STACK, ACTIVE, READY, BOUND],
        [Step("binding", USES_IT, (1, KIND, 2, None)), told("binding.set", "site/prod")],
        "(B3)",
    ),
    "out of scope": (
        [STACK, made("credential", credential(1, "active", scope="project:shop"))],
        [BOUND, told("binding.set", "site/dev")],
        "outside of the scope project:shop (B7)",
    ),
    "another kind": (
        [STACK, made("credential", credential(1, "active", kind="exec"))],
        [BOUND, told("binding.set", "site/dev")],
        "served by a credential of exec",
    ),
    "cleared without a role": ([], [told("credential.clear")], "without an enabled role (A7)"),
    "cleared in part": ([ACTIVE, ENABLED], [told("credential.clear")], "c1 is left (A7)"),
    "cleared, and its source still serves": (
        [STACK, ACTIVE, BOUND, made("linked_role", role("enabled", source=1))],
        [told("credential.clear")],
        "c1 still serves a stack (A7)",
    ),
    "cleared, and a stack left alone": (
        [STACK, ENABLED, made("binding", BY_ROLE)],
        [Step("binding", BY_ROLE, NOT_SERVED), told("credential.clear")],
        "has no authorization after the clear (A7)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("before", "steps", "found"), BROKEN.values(), ids=BROKEN)
def test_what_breaks_a_rule_is_found(before: list[Step], steps: list[Step], found: str) -> None:
    world = World()
    for step in before:
        world.apply(step)
    assert found in " ".join(judge(world, steps))


def test_what_keeps_the_rules_is_not_held_against_anybody() -> None:
    world = World()
    cleared = [
        Step("binding", USES_IT, BY_ROLE),
        gone("credential", credential(1, "active")),
        gone("credential", credential(2)),
        told("credential.clear"),
    ]
    history = [
        [ACTIVE, told("credential.new")],
        [READY, told("credential.new")],
        [STACK, BOUND, told("stack.new", "site/dev"), told("binding.set", "site/dev")],
        [ENABLED, told("role.enabled")],
        cleared,
        [Step("binding", BY_ROLE, NOT_SERVED), told("binding.release", "site/dev")],
        [gone("linked_role", role("enabled")), told("role.disable")],
    ]
    assert [judge(world, steps) for steps in history] == [[]] * len(history)
    assert (
        world.differences(
            {
                "credential": set(),
                "binding": {NOT_SERVED},
                "linked_role": set(),
                "stack": {(1, "site", "dev")},
            }
        )
        == []
    )


def test_rows_that_are_others_than_the_notes_say_are_found() -> None:
    found = World().differences({"credential": {credential(1)}, "binding": set()})
    assert len(found) == 1
    assert found[0].startswith("credential has")
