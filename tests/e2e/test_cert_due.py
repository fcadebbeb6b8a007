"""What `tic cert renew --due` says of certificates that it puts off (E1)."""

import json
from datetime import timedelta
from pathlib import Path

from tests.e2e.command import Tic
from tests.engine.certificates.test_due import NOW, World
from tests.engine.moved_states import installation

SILENT = "http://127.0.0.1:1/directory"


def home(root: Path, days: int) -> Tic:
    """A home with three certificates of a CA that does not answer, which end in so many days."""
    root.mkdir()
    world = World(installation(root))
    world.fill("dev", 3, SILENT, NOW + timedelta(days=days))
    world.home.database.close()
    return Tic(world.home.home.root, root)


def test_what_waits_for_its_ca_is_told_once_for_all_of_them_and_is_no_failure(tmp_path: Path) -> None:
    tic = home(tmp_path / "here", days=20)
    said = tic("cert", "renew", "--due").err
    assert said.count("3 certificates can't be renewed now: the CA at 127.0.0.1:1 does not answer") == 1
    assert "the first to end is shop/dev/c0" in said
    assert "next: let the timer come by" in said
    listed = tic("cert", "list", "--json").json()
    assert [each["status"] for each in listed] == ["waiting"] * 3
    assert "no certificate is due" in tic("cert", "renew", "--due").err


def test_near_the_end_it_is_a_failure_that_somebody_should_hear_of(tmp_path: Path) -> None:
    tic = home(tmp_path / "here", days=3)
    lines = [json.loads(line) for line in tic("cert", "renew", "--due", "--json", code=1).out.splitlines()]
    assert [(each["event"], each["certificate"]) for each in lines] == [
        ("waiting", f"shop/dev/c{number}") for number in range(3)
    ]
