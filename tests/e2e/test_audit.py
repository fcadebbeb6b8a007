"""B10: what a run does with its stack's credentials is in the audit log, which stays whole."""

import pytest

from tests.e2e.world import World

pytestmark = pytest.mark.server


def told(site: World, *words: str) -> list[tuple[str, str, str | None, str | None]]:
    """Action, outcome, name and purpose of the entries."""
    listed = site.tic("audit", "list", "--json", *words).json()
    return [(one["action"], one["outcome"], one["name"], one["purpose"]) for one in listed]


def test_each_opening_of_a_run_is_told_with_its_stack(site: World) -> None:
    (stack,) = [one["stack"] for one in site.tic("stack", "list", "--json").json()]
    site.tic("stack", "up", "site")
    opened = told(site, "--stack", stack, "--action", "credential.open")
    assert opened
    assert {(outcome, name) for _, outcome, name, _ in opened} == {("done", "dns")}
    assert f"up {stack}" in {purpose for *_, purpose in opened}
    site.tic("stack", "destroy", "site", "--yes")
    actions = [action for action, *_ in told(site, "--stack", stack)]
    assert actions[0] in ("stack.new", "binding.set")
    assert "binding.release" in actions
    assert "whole" in site.tic("audit", "verify").out
    assert site.key.secret not in site.tic("audit", "export").out
