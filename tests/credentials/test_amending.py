"""A field that something else than a rotation adds to: nothing is lost, whoever else adds meanwhile."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from credentials.audit import Entry
from credentials.audit_log import AuditLog
from credentials.audit_store import Wanted
from credentials.credential import Use
from credentials.errors import CredentialError
from tests.credentials.worlds import KEYS, World


@pytest.fixture
def world(world: World) -> World:
    world.vault.new("prod", "tencentcloud", KEYS)
    return world


def fields(world: World) -> dict[str, str]:
    opened = world.reopened().opened("prod", purpose="a test").fields
    return {name: value.reveal().decode() for name, value in opened.items() if name in {*KEYS, "region"}}


def amendments(world: World) -> list[tuple[str, dict[str, str]]]:
    log = AuditLog(world.database, world.vault.ledger).newest(Wanted(action="credential.amend"), 99)
    return [(one.event.outcome, dict(one.event.detail)) for one in log if isinstance(one, Entry)]


def test_one_field_changes_by_what_it_was_and_the_secret_ones_stay(world: World) -> None:
    world.vault.amend("prod", "region", lambda before: f"{before}ap-a")
    world.vault.amend("prod", "region", lambda before: f"{before}-b")
    assert fields(world) == {**KEYS, "region": "ap-a-b"}
    assert amendments(world) == [("done", {"field": "region"})] * 2


def test_each_amendment_is_a_version_that_runs_may_go_on_with(world: World) -> None:  # B5
    use = Use("run", "a test", "here", 1, 1.0)
    world.vault.opened("prod", purpose="a test", use=use)
    assert world.vault.amend("prod", "region", lambda _: "ap-a").version == 2
    assert [each.version for each in world.vault.versions("prod")] == [1, 2]


def test_what_changes_nothing_makes_no_version_and_no_entry(world: World) -> None:
    assert world.vault.amend("prod", "secret-id", lambda before: before).version == 1
    assert amendments(world) == []


def test_a_value_that_does_not_fit_changes_nothing(world: World) -> None:
    with pytest.raises(CredentialError, match="region"):
        world.vault.amend("prod", "region", lambda _: "\ud800")
    assert fields(world) == KEYS
    assert world.vault.find("prod").version == 1


def test_what_many_add_at_once_is_all_there(world: World) -> None:
    def add(letter: str) -> None:
        world.reopened().amend("prod", "region", lambda before: before + letter)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, "abcdefgh"))
    assert sorted(fields(world)["region"]) == list("abcdefgh")
