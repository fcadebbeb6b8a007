"""B7, B10: a run uses credentials only where their scopes have it, whoever bound them and whenever."""

import json
from pathlib import Path

import pytest

from tests.cli.checkouts import git, project, repository
from tests.e2e.command import Tic

pytestmark = pytest.mark.server

REMOTE, FORK = "git@github.com:acme/infra.git", "https://github.com/someone/infra.git"
CANARY = "canary-of-the-scope"


@pytest.fixture
def tic(tmp_path: Path) -> Tic:
    """A vault with a credential for one repository, and a checkout of it with the stack site/dev."""
    folder = project(repository(tmp_path / "checkout", REMOTE), "site")
    made = Tic(tmp_path / "home", folder)
    made("vault", "init")
    keys = json.dumps({"secret-id": "an-id", "secret-key": CANARY})
    scope = ("--scope", "repo:https://github.com/acme/infra")
    made("creds", "new", "prod", "--provider", "tencentcloud", *scope, "--secrets-from", "-", stdin=keys)
    made("stack", "new", "dev", "--provider", "tencentcloud")
    return made


def refusals(tic: Tic) -> list[tuple[str, str | None, str | None]]:
    listed = tic("audit", "list", "--refused", "--json").json()
    return [(one["action"], one["name"], one["stack"]) for one in listed]


def test_a_stack_whose_repository_became_another_is_refused_before_anything_is_opened(tic: Tic) -> None:
    tic("stack", "up", "dev")
    git(tic.folder, "remote", "set-url", "origin", FORK)
    for operation in (["up"], ["preview"], ["refresh"], ["destroy", "--yes"]):
        refused = tic("stack", *operation, code=3)
        assert (
            "credential 'prod' may not be used here: its scope is repo:github.com/acme/infra" in refused.err
        )
        assert "this is project site in repository github.com/someone/infra" in refused.err
        assert "tic creds scope prod SCOPE" in refused.err
    assert refusals(tic) == [("credential.open", "prod", "site/dev")] * 4
    git(tic.folder, "remote", "set-url", "origin", REMOTE)
    tic("stack", "up", "dev")


def test_in_another_checkout_of_the_same_repository_the_stack_runs(tic: Tic, tmp_path: Path) -> None:
    again = project(repository(tmp_path / "again", "https://github.com/acme/infra"), "site")
    Tic(tic.home, again)("stack", "up", "dev")
    fork = project(repository(tmp_path / "fork", FORK), "site")
    Tic(tic.home, fork)("stack", "up", "dev", code=3)


def test_what_a_destroyed_stack_needs_again_is_asked_for_its_scope(tic: Tic) -> None:
    """C4, B3: its credentials were freed, so the next run binds the Active one, where it may."""
    tic("stack", "up", "dev")
    tic("stack", "destroy", "--yes")
    tic("creds", "scope", "prod", "project:shop")
    refused = tic("stack", "up", "dev", code=3)
    assert "its scope is project:shop, and this is project site" in refused.err
    assert refusals(tic) == [("binding.set", None, "site/dev")]
    tic("creds", "scope", "prod", "project:site")
    tic("stack", "up", "dev")
