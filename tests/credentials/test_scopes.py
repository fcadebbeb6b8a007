"""Where a credential may be used (B7): what a scope is, and which places it has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.rules import ScopeInUse
from credentials.scopes import (
    NOWHERE,
    BadScope,
    OutOfScope,
    Place,
    admits,
    canonical_remote,
    check,
    checked_scope,
)
from tests.credentials.worlds import KEYS, World

INFRA = "github.com/acme/infra"
SAME = [
    "github.com/acme/infra",
    "https://github.com/acme/infra",
    "https://github.com/acme/infra.git",
    "https://someone:token@github.com/acme/infra.git/",
    "https://GitHub.com:443/acme/infra",
    "git@github.com:acme/infra.git",
    "github.com:acme/infra",
    "ssh://git@github.com/acme/infra",
    "ssh://git@github.com:22/acme/infra.git",
    "git://github.com/acme/infra.git",
    "  https://github.com/acme/infra\n",
]
OTHERS = [
    "https://github.com/acme/infra2",
    "https://github.com/acme/Infra",
    "https://github.com/other/infra",
    "https://gitlab.com/acme/infra",
    "https://github.com:8443/acme/infra",
    "https://evil.test/github.com/acme/infra",
    "https://github.com.evil.test/acme/infra",
    "https://github.com@evil.test/acme/infra",
    "git@evil.test:github.com/acme/infra",
    "/srv/git/github.com/acme/infra",
    "",
]


@pytest.mark.parametrize("remote", SAME)
def test_a_repository_is_one_however_its_remote_is_written(remote: str) -> None:
    assert canonical_remote(remote) == INFRA
    assert checked_scope(f"repo:{remote}") == f"repo:{INFRA}"
    assert admits(f"repo:{INFRA}", Place(None, ("https://elsewhere.test/x", remote)))


@pytest.mark.parametrize("remote", OTHERS)
def test_another_repository_is_another_one(remote: str) -> None:
    assert not admits(f"repo:{INFRA}", Place("infra", (remote,)))


def test_a_project_is_its_name_and_nothing_else() -> None:
    assert admits("project:shop", Place("shop"))
    for place in (Place("shop2"), Place("Shop"), Place(None, ("https://shop/x",)), NOWHERE):
        assert not admits("project:shop", place)


def test_everywhere_is_everywhere_and_nowhere_has_only_that() -> None:
    for place in (NOWHERE, Place("shop", (SAME[0],))):
        assert admits("all", place)
    assert not admits(f"repo:{INFRA}", NOWHERE)


@pytest.mark.parametrize("scope", ["", "ALL", "everything", "project", "nothing:shop", "project:", "repo:"])
def test_what_the_database_could_hold_otherwise_admits_nothing(scope: str) -> None:
    assert not admits(scope, Place("shop", (SAME[0],)))


@pytest.mark.parametrize(
    ("scope", "why"),
    [
        ("", "it begins with neither project: nor repo:"),
        ("All", "it begins with neither project: nor repo:"),
        ("shop", "it begins with neither project: nor repo:"),
        ("project", "it begins with neither project: nor repo:"),
        ("project:", "a project's name has letters, digits, - _ and . (100 at most)"),
        ("project:a b", "a project's name has letters, digits, - _ and . (100 at most)"),
        ("project:shop\n", "a project's name has letters, digits, - _ and . (100 at most)"),
        ("project:ümlaut", "a project's name has letters, digits, - _ and . (100 at most)"),
        ("repo:", "a repository is written as its remote, HOST/PATH or the URL that git shows"),
        ("repo:infra", "a repository is written as its remote, HOST/PATH or the URL that git shows"),
        ("repo:/srv/git/x", "a repository is written as its remote, HOST/PATH or the URL that git shows"),
        ("repo:host/a b", "a repository is written as its remote, HOST/PATH or the URL that git shows"),
        ("repo:host/\x1b[2J", "a repository is written as its remote, HOST/PATH or the URL that git shows"),
        ("repo:" + "x" * 300 + "/y", "it has 307 characters (300 at most)"),
    ],
)
def test_what_is_no_scope_is_refused_in_words(scope: str, why: str) -> None:
    with pytest.raises(BadScope) as refused:
        checked_scope(scope)
    assert str(refused.value) == f"this is no scope: {why}"
    assert "repo:github.com/acme/infra" in refused.value.hint
    assert refused.value.exit_code == 2


@given(
    st.one_of(
        st.text(max_size=320), st.text(max_size=300).map("repo:".__add__), st.text().map("project:".__add__)
    )
)
def test_any_text_is_a_scope_that_means_the_same_when_read_again_or_is_refused(text: str) -> None:
    try:
        scope = checked_scope(text)
    except BadScope:
        return
    assert checked_scope(scope) == scope
    assert scope.isprintable()
    kind, _, value = scope.partition(":")
    place = Place(value) if kind == "project" else Place(None, (value,))
    assert admits(scope, place)
    assert admits(scope, NOWHERE) == (scope == "all")


def test_the_refusal_says_where_it_may_be_used_and_where_this_is() -> None:
    with pytest.raises(OutOfScope) as refused:
        check("prod", f"repo:{INFRA}", Place("shop", ("git@github.com:acme/shop.git",)))
    assert str(refused.value) == (
        "credential 'prod' may not be used here: its scope is repo:github.com/acme/infra, "
        "and this is project shop in repository github.com/acme/shop"
    )
    assert "tic creds scope prod SCOPE" in refused.value.hint
    assert refused.value.exit_code == 3


# In the vault


def test_a_new_scope_must_have_every_stack_that_uses_the_credential(world: World) -> None:
    world.vault.new("prod", "tencentcloud", KEYS)
    for stack in ("shop/dev", "site/dev", "site/live"):
        world.use(stack, "prod")
    with pytest.raises(ScopeInUse) as refused:
        world.vault.rescope("prod", "project:shop")
    assert str(refused.value) == (
        "'prod' can't get the scope project:shop: site/dev, site/live use it and are outside; "
        "nothing was changed"
    )
    assert "tic stack bind site/dev OTHER" in refused.value.hint
    assert refused.value.exit_code == 3
    assert world.vault.find("prod").scope == "all"
    world.destroy("site/dev")
    world.destroy("site/live")
    assert world.vault.rescope("prod", "project:shop").scope == "project:shop"
    assert world.vault.find("prod").scope == "project:shop"
    world.vault.opened("prod", purpose="up", place=Place("shop"))
    with pytest.raises(OutOfScope):
        world.vault.opened("prod", purpose="up", place=Place("site"))
    assert world.vault.rescope("prod", "all").scope == "all"
    world.vault.opened("prod", purpose="up")


def test_a_scope_that_was_changed_behind_the_vaults_back_opens_nothing(world: World) -> None:
    """The scope is part of what every field is sealed for."""
    from credentials.contents import DamagedCredential

    world.vault.new("prod", "tencentcloud", KEYS, scope="project:shop")
    world.sql("UPDATE credential SET scope = 'all'")
    with pytest.raises(DamagedCredential):
        world.vault.opened("prod", purpose="up")
