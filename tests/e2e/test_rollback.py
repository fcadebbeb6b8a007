"""C1, C2: back to what a version held, as far as its state knows it; else refused by name."""

from pathlib import Path

import pytest

from tests.e2e.shelf import Shelf, shelf
from tests.e2e.test_secrets import Watch, forms, places
from tests.e2e.world import World

pytestmark = pytest.mark.server

PAST, TODAY = "canary-of-the-past-Zx91", "canary-of-today-Qw72"


@pytest.fixture
def made(tmp_path: Path, pulumi_command: Path) -> Shelf:
    return shelf(tmp_path, pulumi_command)


def test_what_a_version_held_comes_back_and_its_secrets_travel_in_memory_only(made: Shelf) -> None:
    """A replaced box is replaced again, and whoever knew its address knows the new one."""
    made.up("one", secret=PAST, extra=True, group=True, read=True)
    before = made.ids()
    made.up("two", secret=TODAY, value="two", key="two", region="two")
    made.tic("stack", "config", "set", "size", "3")
    (made.tic.folder / "plan.json").unlink()  # it has the secrets, and no rollback reads it

    with made.tic.running("stack", "rollback", "--to", "1", "--yes", "--env", "SHELF_WORLD") as run:
        watch = Watch(run.pid)
        out, err = run.communicate(timeout=120)
        watch.stop()
    assert run.returncode == 0, err
    assert "shelf:index:Box extra would create" in err
    assert '+ shop:size: "3"' in err  # the configuration stays as it is, and that is said
    assert "shop/dev is as in version 1" in err
    assert "the next tic stack up applies them again" in err
    said = {
        "what it said": (out + err).encode(),
        "what it tells": made.tic("stack", "show", "--version", "3", "--json").out.encode(),
        **{f"a process: {number}": text for number, text in enumerate(watch.seen)},
        **dict(places(made.tic.home, made.tic.folder)),
    }
    for secret in (PAST, TODAY):
        for form in forms(secret.encode()):
            assert [place for place, text in said.items() if form in text] == []

    newest = made.history()[0]
    assert (newest["version"], newest["kind"], newest["message"]) == (3, "up", "rollback to 1")
    now, boxes = made.ids(), made.boxes()
    assert sorted(now) == ["extra", "first", "moved", "reader", "second"]
    assert (now["moved"], now["second"]) == (before["moved"], before["second"])  # the same boxes
    assert now["first"] != before["first"]
    values = {name: boxes["first"][name] for name in ("key", "value", "secret")}
    assert values == {"key": "one", "value": "one", "secret": PAST}
    assert boxes["second"]["at"] == f"{now['first']}.shelf.example"
    assert boxes["second"]["deep"] == {"list": [now["first"], 3, True]}
    assert boxes["reader"]["of"] == f"{now['second']}.shelf.example"
    outputs = made.tic("stack", "outputs", "--json", "--show-secrets").json()
    assert outputs == {"first": now["first"], "secret": PAST, "group": f"{now['moved']}.shelf.example"}

    # The program of then changes nothing, generated labels included, until it says something else.
    made.up(secret=PAST, extra=True, group=True, read=True)
    assert set(made.history()[0]["changes"]) <= {"same", "read"}


def test_what_was_computed_from_a_thing_that_is_gone_is_refused_before_anything_runs(made: Shelf) -> None:
    made.up(computed=True)
    made.up(computed=True, key="two")
    there = made.boxes()
    refused = made("rollback", "--to", "1", "--yes", code=3)
    assert (
        "can't be rolled back: its input of was computed from first, which is another one then" in refused.err
    )
    assert "nothing was changed" in refused.err
    assert "  next: go back with the program: check out what it was at " in refused.err
    assert (made.boxes(), len(made.history())) == (there, 2)


def test_settings_of_a_default_provider_must_be_those_of_then_and_it_asks_first(made: Shelf) -> None:
    made.tic("stack", "config", "set", "shelf:room", "north wing")
    made.up()
    made.tic("stack", "config", "set", "shelf:room", "south")
    made.up(value="two")
    refused = made("rollback", "--to", "1", "--yes", code=3)
    assert "its settings are others today" in refused.err
    assert "tic stack config set shelf:room 'north wing'" in refused.err
    made.tic("stack", "config", "set", "shelf:room", "north wing")
    asked = made("rollback", "--to", "1", code=2)
    assert "roll shop/dev back to version 1: 4 same, 1 update" in asked.err
    assert "say yes in advance: tic stack rollback shop/dev --to 1 --yes" in asked.err
    assert (made.boxes()["first"]["value"], len(made.history())) == ("two", 2)


def test_a_version_that_failed_and_one_with_nothing_are_refused_and_a_deleted_one_is_made_again(
    made: Shelf,
) -> None:
    made.up(extra=True)
    made.up(extra=True, fail="update", code=1)
    made("destroy", "--yes")
    assert "version 2 of shop/dev failed" in made("rollback", "--to", "2", "--yes", code=3).err
    made("refresh")
    assert "version 3 of shop/dev had no resources" in made("rollback", "--to", "3", "--yes", code=3).err
    planned = made("rollback", "dev", "--to", "1", "--preview")
    assert "going back to version 1 of shop/dev would be: 6 create" in planned.err
    assert (made.boxes(), len(made.history())) == ({}, 4)


def test_certificates_are_not_rolled_back_and_what_is_beside_them_is(site: World) -> None:
    def deployed_to(folder: Path) -> str:
        site.tic("stack", "config", "set", "deployDirectory", str(folder), "--stack", "site")
        site.tic("stack", "up", "site")
        return (folder / "fullchain.pem").read_text()

    first, second = site.folder / "first", site.folder / "second"
    certificate = deployed_to(first)
    assert deployed_to(second) == certificate
    assert not (first / "fullchain.pem").exists()
    site.tic("stack", "rollback", "site", "--to", "1", "--yes")
    assert (first / "fullchain.pem").read_text() == certificate  # nothing was issued anew
    assert not (second / "fullchain.pem").exists()
    site.tic("stack", "config", "set", "domains", '["other.example.test"]', "--stack", "site")
    site.tic("stack", "up", "site")
    refused = site.tic("stack", "rollback", "site", "--to", "1", "--yes", code=3)
    for name in ("order:Order", "certificate:Certificate", "authorization:Authorization"):
        assert f"tic:acme/{name}" in refused.err
    assert "certificates are renewed forward: tic stack up" in refused.err
