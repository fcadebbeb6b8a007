"""`tic creds`: scopes and tokens (B4, B7), secrets that are revealed (B10), and clearing (A7)."""

import json
from pathlib import Path
from typing import Any

import pytest
import trustme

from credentials.credential import RoleState
from engine.installation import Installation
from tests.cli.checkouts import git, project, repository
from tests.cli.command import Said, Tic, refusal
from tests.cli.creds import ROOT, at_a_terminal
from tests.credentials.worlds import set_role

CANARY = "cAnArY-5f0e1d-Zx9"
KEYS = json.dumps({"secret-id": "an-id", "secret-key": CANARY})
INFRA = "https://github.com/acme/infra.git"
CHECKOUTS = [
    "git@github.com:acme/infra.git",
    "ssh://git@github.com/acme/infra",
    "https://me@GitHub.com/acme/infra/",
]


def new(tic: Tic, name: str, scope: str = "all") -> Said:
    words = ["--provider", "tencentcloud", "--secrets-from", "-", "--scope", scope]
    return tic("creds", "new", name, *words, stdin=KEYS)


def shown(tic: Tic, name: str) -> dict[str, Any]:
    one: dict[str, Any] = json.loads(tic("creds", "show", name, "--json").out)
    return one


def stack(tic: Tic, folder: Path, name: str = "dev") -> Said:
    return tic("stack", "new", name, "--dir", str(folder), "--provider", "tencentcloud")


def refusals(tic: Tic) -> list[tuple[str, str | None, str | None]]:
    """What the audit log says was refused: action, credential, stack."""
    listed = json.loads(tic("audit", "list", "--refused", "--json").out)
    return [(one["action"], one["name"], one["stack"]) for one in listed]


# Scopes


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("all", "all"),
        ("project:shop", "project:shop"),
        (f"repo:{INFRA}", "repo:github.com/acme/infra"),
        ("repo:git@github.com:acme/infra.git", "repo:github.com/acme/infra"),
    ],
)
def test_a_credential_is_made_with_a_scope_which_list_and_show_tell(tic: Tic, given: str, kept: str) -> None:
    said = new(tic, "prod", given)
    assert said.code == 0
    assert said.err.splitlines()[0].endswith("" if kept == "all" else f", {kept}")
    assert shown(tic, "prod")["scope"] == kept
    assert json.loads(tic("creds", "list", "--json").out)[0]["scope"] == kept
    assert f"scope:        {kept}\n" in tic("creds", "show", "prod").out
    listed = tic("creds", "list").out
    assert listed.split()[3] == "SCOPE"
    assert kept in listed
    assert max(map(len, listed.splitlines())) <= 100


def test_what_is_no_scope_is_refused_before_a_secret_is_asked_for(tic: Tic) -> None:
    said = tic("creds", "new", "prod", "--provider", "tencentcloud", "--scope", "shop")
    assert said.code == 2
    assert refusal(said)[0] == "this is no scope: it begins with neither project: nor repo:"
    new(tic, "prod")
    said = tic("creds", "scope", "prod", "repo:infra")
    assert said.code == 2
    assert shown(tic, "prod")["scope"] == "all"


def test_a_scope_is_changed_and_said(tic: Tic) -> None:
    new(tic, "prod")
    said = tic("creds", "scope", "prod", "project:shop")
    assert (said.code, said.out) == (0, "")
    assert said.err == (
        "credential prod has the scope project:shop: it may be used in the project shop and nowhere else\n"
        "  it is the Active one: new stacks elsewhere that need tencentcloud are refused while it is\n"
        "  next: see what may be used in a folder: tic creds list --here\n"
    )
    said = tic("creds", "scope", "prod", "all")
    assert said.err.startswith("credential prod has the scope all: it may be used everywhere\n  next:")
    assert shown(tic, "prod")["fields"]["secret-key"] == "***"


def test_the_list_can_leave_out_what_may_not_be_used_here(
    tic: Tic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, scope in {"everywhere": "all", "shop": "project:shop", "infra": f"repo:{INFRA}"}.items():
        new(tic, name, scope)
    places = {
        repository(project(tmp_path / "a", "shop"), "https://elsewhere.test/x"): ["everywhere", "shop"],
        project(repository(tmp_path / "b", CHECKOUTS[0]) / "deep" / "er", "site"): ["everywhere", "infra"],
        tmp_path: ["everywhere"],
    }
    for folder, names in places.items():
        monkeypatch.chdir(folder)
        listed = json.loads(tic("creds", "list", "--here", "--json").out)
        assert [one["name"] for one in listed] == names
        assert [line.split()[0] for line in tic("creds", "list", "--here").out.splitlines()[1:]] == names
    tic("creds", "scope", "everywhere", "project:other")
    said = tic("creds", "list", "--here")
    assert (said.code, said.out) == (0, "")
    assert said.err == (
        "no credential may be used here: this is no project in no repository\n  next: tic creds list\n"
    )


# Use inside and outside of a scope


def test_a_stack_is_made_where_the_active_credential_may_be_used_and_refused_elsewhere(
    tic: Tic, tmp_path: Path
) -> None:  # B3
    new(tic, "prod", "project:shop")
    assert stack(tic, project(tmp_path / "shop", "shop")).code == 0
    said = stack(tic, project(tmp_path / "site", "site"))
    assert said.code == 3
    error, following = refusal(said)
    assert error == (
        "credential 'prod' may not be used here: its scope is project:shop, "
        "and this is project site in no repository"
    )
    assert "tic creds scope prod SCOPE" in following
    assert [one["stack"] for one in json.loads(tic("stack", "list", "--json").out)] == ["shop/dev"]
    assert refusals(tic) == [("stack.new", None, "site/dev")]
    new(tic, "sites", "project:site")
    said = stack(tic, tmp_path / "site")
    assert refusal(said)[1].endswith("make it the Active one: tic creds activate sites")
    tic("creds", "activate", "sites")
    assert stack(tic, tmp_path / "site").code == 0
    assert shown(tic, "sites")["stacks"] == ["site/dev"]


@pytest.mark.parametrize("remote", CHECKOUTS)
def test_a_second_checkout_is_the_same_repository_however_its_remote_is_written(
    tic: Tic, tmp_path: Path, remote: str
) -> None:
    new(tic, "prod", f"repo:{INFRA}")
    first = project(repository(tmp_path / "first", INFRA) / "site", "site")
    second = project(repository(tmp_path / "second", remote) / "site", "site")
    fork = project(repository(tmp_path / "fork", "https://github.com/someone/infra.git") / "site", "site")
    assert stack(tic, first, "one").code == 0
    assert stack(tic, second, "two").code == 0
    said = stack(tic, fork, "three")
    assert said.code == 3
    assert refusal(said)[0].endswith(
        "its scope is repo:github.com/acme/infra, "
        "and this is project site in repository github.com/someone/infra"
    )
    git(fork, "remote", "add", "upstream", remote)
    assert stack(tic, fork, "three").code == 0


def test_a_project_that_a_template_is_about_to_make_belongs_to_the_repository_it_comes_into(
    tic: Tic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--provider", "rfc2136", "--field", "nameserver=127.0.0.1:53", "--scope", f"repo:{INFRA}"]
    assert tic("creds", "new", "dns", *words).code == 0
    site = ["stack", "new", "site", "--template", "certificate", "--set", 'domains=["example.test"]']
    monkeypatch.chdir(tmp_path)
    assert tic(*site).code == 3
    assert not (tmp_path / "site").exists()
    monkeypatch.chdir(repository(tmp_path / "checkout", INFRA))
    said = tic(*site)
    assert said.code == 0, said.err


def test_a_stack_is_not_bound_to_what_may_not_be_used_there(tic: Tic, tmp_path: Path) -> None:
    new(tic, "prod")
    new(tic, "others", "project:elsewhere")
    stack(tic, project(tmp_path, "site"))
    token = shown(tic, "others")["token"]
    for reference in ("others", token):
        said = tic("stack", "bind", "site/dev", reference)
        assert said.code == 3
        assert "its scope is project:elsewhere, and this is project site" in refusal(said)[0]
    assert refusals(tic) == [("binding.set", "others", "site/dev")] * 2
    assert shown(tic, "prod")["stacks"] == ["site/dev"]


def test_a_credential_is_not_taken_away_from_its_stacks_by_a_scope(tic: Tic, tmp_path: Path) -> None:
    new(tic, "prod")
    for name in ("shop", "site"):
        stack(tic, project(repository(tmp_path / name, f"https://git.test/{name}"), name))
    said = tic("creds", "scope", "prod", "project:shop")
    assert said.code == 3
    assert refusal(said) == (
        "'prod' can't get the scope project:shop: site/dev uses it and is outside; nothing was changed",
        "move the stack to another credential first: tic stack bind site/dev OTHER (in a slot: --as "
        "SLOT); or destroy it: tic stack destroy site/dev",
    )
    assert "shop/dev uses it and is outside" in tic("creds", "scope", "prod", "repo:git.test/site").err
    assert "shop/dev, site/dev use it and are outside" in tic("creds", "scope", "prod", "project:x").err
    assert refusals(tic) == [("credential.scope", "prod", None)] * 3
    assert shown(tic, "prod")["scope"] == "all"
    new(tic, "other")
    tic("stack", "bind", "site/dev", "other")
    assert tic("creds", "scope", "prod", "repo:git.test/shop").code == 0


# Tokens


def test_a_token_is_taken_wherever_a_name_is(tic: Tic, tmp_path: Path) -> None:  # B4
    for name in ("prod", "next"):
        new(tic, name)
    stack(tic, project(tmp_path, "site"))
    token = str(shown(tic, "next")["token"])
    commands = [
        ["creds", "show", token],
        ["creds", "show", token, "--reveal", "--yes"],
        ["creds", "scope", token, "project:site"],
        ["creds", "activate", token],
        ["creds", "rotate", token, "--no-verify", "--secrets-from", "-"],
        ["stack", "bind", "site/dev", token],
        ["audit", "list", "--credential", token],
    ]
    for command in commands:
        said = tic(*command, stdin=KEYS.replace("an-id", "another-id"))
        assert said.code == 0, said.err
        assert "next" in said.out + said.err
    assert shown(tic, token)["stacks"] == ["site/dev"]
    tic("creds", "activate", "prod")
    tic("stack", "bind", "site/dev", "prod")
    assert tic("creds", "delete", token, "--yes").code == 0
    assert refusal(tic("creds", "show", token))[0] == f"there is no credential '{token}'"


# Revealing


def test_secrets_are_shown_only_when_that_is_asked_for_and_the_log_has_it(tic: Tic) -> None:  # B7, B10
    new(tic, "prod")
    assert CANARY not in tic("creds", "show", "prod").out
    said = tic("creds", "show", "prod", "--reveal", "--yes")
    assert (said.code, said.err) == (0, "")
    assert f"secret-key  {CANARY}\n" in said.out
    fields = json.loads(tic("creds", "show", "prod", "--reveal", "--yes", "--json").out)["fields"]
    assert fields == {"secret-id": "an-id", "secret-key": CANARY}
    listed = json.loads(tic("audit", "list", "--credential", "prod", "--json").out)
    assert [one["action"] for one in listed] == ["credential.new", "credential.reveal", "credential.reveal"]


def test_where_the_log_cant_be_written_nothing_is_revealed(tic: Tic) -> None:  # B10
    new(tic, "prod")
    installation = Installation.find()
    with installation.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE audit RENAME TO elsewhere")
    installation.database.close()
    said = tic("creds", "show", "prod", "--reveal", "--yes")
    assert (said.code, said.out) == (5, "")
    assert CANARY not in said.err


def test_without_a_terminal_revealing_needs_yes(tic: Tic) -> None:
    new(tic, "prod")
    said = tic("creds", "show", "prod", "--reveal")
    assert said.code == 2
    assert refusal(said) == (
        "the secrets of 'prod' are not shown without a question, and there is no terminal to ask at",
        "say yes in advance: tic creds show prod --reveal --yes",
    )


@pytest.mark.parametrize(("answer", "code"), [("yes", 0), ("y", 130), ("", 130), ("no", 130), ("YES", 130)])
def test_at_a_terminal_one_types_yes(tic: Tic, answer: str, code: int) -> None:
    new(tic, "prod")
    words = ["creds", "show", "prod", "--reveal"]
    ended, seen = at_a_terminal(tic, words, [("on this terminal? Type yes:", answer)])
    assert ended == code, seen
    assert (CANARY in seen) is (code == 0)


def test_out_of_scope_nothing_is_asked_nothing_is_revealed_and_that_is_audited(tic: Tic) -> None:
    new(tic, "prod", "project:elsewhere")
    assert (ROOT / "Pulumi.yaml").exists()
    ended, seen = at_a_terminal(tic, ["creds", "show", "prod", "--reveal"], [])
    assert ended == 3
    assert "may not be used here: its scope is project:elsewhere, and this is project tic" in seen
    assert tic("creds", "show", "prod", "--reveal", "--yes").code == 3
    assert refusals(tic) == [("credential.reveal", "prod", None)] * 2
    assert tic("creds", "show", "prod").code == 0


def test_a_secret_of_several_lines_is_shown_as_it_is(tic: Tic) -> None:
    pem = trustme.CA().cert_pem.bytes().decode()
    content = json.dumps({"server": "https://k8s.test", "token": CANARY, "ca": pem})
    made = tic("creds", "new", "k8s", "--provider", "kubernetes", "--secrets-from", "-", stdin=content)
    assert made.code == 0, made.err
    out = tic("creds", "show", "k8s", "--reveal", "--yes").out
    assert out.endswith(f"\n\nca:\n{pem}")


# Clearing


@pytest.fixture
def cleared(tic: Tic, tmp_path: Path) -> Tic:
    """Two credentials of tencentcloud, of which a stack uses one, and one of aws."""
    new(tic, "prod")
    new(tic, "next")
    stack(tic, project(tmp_path, "site"))
    keys = json.dumps({"access-key-id": "AKIA", "secret-access-key": CANARY})
    made = tic("creds", "new", "cloud", "--provider", "aws", "--secrets-from", "-", stdin=keys)
    assert made.code == 0, made.err
    return tic


def enable(*providers: str) -> None:
    for provider in providers:
        installation = Installation.find()
        set_role(installation.vault, provider, RoleState.ENABLED)
        installation.database.close()


def names(tic: Tic) -> list[str]:
    return [one["name"] for one in json.loads(tic("creds", "list", "--json").out)]


def test_without_an_enabled_role_nothing_is_cleared(cleared: Tic) -> None:  # A7
    for words in (["tencentcloud"], []):
        said = cleared("creds", "clear", *words, "--yes")
        assert said.code == 3
        assert "tic role enable" in refusal(said)[1]
    assert names(cleared) == ["cloud", "prod", "next"]
    assert [action for action, _name, _stack in refusals(cleared)] == ["credential.clear"] * 2


def test_clearing_deletes_all_of_a_provider_and_its_stacks_use_the_role(cleared: Tic) -> None:  # A7
    enable("tencentcloud")
    said = cleared("creds", "clear", "tencentcloud")
    assert said.code == 2
    assert refusal(said) == (
        "deleting next, prod (tencentcloud) is for good, and there is no terminal to ask at",
        "say yes in advance: tic creds clear tencentcloud --yes",
    )
    said = cleared("creds", "clear", "tencentcloud", "--yes")
    assert (said.code, said.out) == (0, "")
    asked, _newline, done = said.err.partition("\n")
    assert asked.startswith(
        "warning: whose account prod belongs to is not known (tencentcloud can't be asked"
    )  # A9
    assert done == (
        "deleted of tencentcloud: next, prod\n"
        "  its linked role serves from now on: site/dev\n"
        "  next: revoke what was in them where it came from; tic creds list shows what is left\n"
    )
    assert names(cleared) == ["cloud"]
    assert "binding:    tencentcloud by the linked role\n" in cleared("stack", "show", "site/dev").out
    assert "role of tencentcloud" in cleared("stack", "list").out
    again = cleared("creds", "clear", "tencentcloud", "--yes")
    assert (again.code, again.err) == (0, "there are no credentials of tencentcloud to delete\n")


def test_without_a_provider_every_one_with_an_enabled_role_is_cleared_and_no_other(cleared: Tic) -> None:
    enable("tencentcloud", "alicloud")
    said = cleared("creds", "clear", "--yes")
    assert said.code == 0
    assert "there are no credentials of alicloud to delete\n" in said.err
    assert names(cleared) == ["cloud"]


@pytest.mark.parametrize(("answer", "left"), [("n", 3), ("y", 1)])
def test_clearing_asks_at_a_terminal(cleared: Tic, answer: str, left: int) -> None:
    enable("tencentcloud")
    question = ("delete next, prod (tencentcloud) for good? [y/N]:", answer)
    at_a_terminal(cleared, ["creds", "clear", "tencentcloud"], [question])
    assert len(names(cleared)) == left


def test_no_credential_can_be_made_while_the_role_is_enabled(cleared: Tic) -> None:  # A6
    enable("tencentcloud")
    assert new(cleared, "third").code == 3
