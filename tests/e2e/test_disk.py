"""C3: a disk that becomes full in the middle of a real run, and one that may only be read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.command import Tic
from tests.e2e.shop import UP, held, made, shop
from tests.engine.state.waiting import wait_for
from tests.servers.disk import Disk, disk

pytestmark = pytest.mark.server

THINGS = 6
LISTINGS = (
    ("stack", "list"), ("stack", "show", "dev"), ("stack", "history", "dev"), ("creds", "list"),
    ("creds", "show", "web"), ("audit", "list"),
)  # fmt: skip


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Disk]:
    with disk(tmp_path / "disk", 48) as found:
        yield found


@pytest.fixture
def tic(tmp_path: Path, pulumi_command: Path, small: Disk) -> Tic:
    """A home on the small disk, everything else elsewhere; the second of six things waits at a gate."""
    tic = shop(tmp_path, pulumi_command, small.root / "home")
    tic("vault", "init")
    fields = ("--provider", "username-password", "--field", "username=me", "--secrets-from", "-")
    tic("creds", "new", "web", *fields, stdin='{"password": "of-the-web"}')
    tic("stack", "new", "dev", "--provider", "username-password")
    tic("stack", "config", "set", "things", str(THINGS))
    tic("stack", "config", "set", "gate", str(tmp_path / "gate"))
    return tic


def test_a_disk_that_becomes_full_ends_the_run_and_all_that_was_made_is_recorded(
    tic: Tic, small: Disk, tmp_path: Path
) -> None:
    with tic.running(*UP) as running:
        wait_for((tmp_path / "gate.reached").exists)
        small.fill()
        (tmp_path / "gate").touch()
        out, err = running.communicate(timeout=120)
    assert running.returncode == 1, out + err
    assert "Traceback" not in err
    assert "the disk of the database is full: what is under way is recorded" in err
    assert "what was done is kept in the state\n  next: mend what the lines above name" in err
    assert held(tic, "dev") == made(tic)
    small.fill()
    refused = tic(*UP, code=5)
    assert "nothing was begun" in refused.err
    small.free()
    tic(*UP)
    assert held(tic, "dev") == made(tic)
    assert len(made(tic)) == THINGS
    tic("vault", "doctor")


def test_what_is_there_is_listed_from_a_disk_that_is_full_or_may_only_be_read(tic: Tic, small: Disk) -> None:
    before = [tic(*words, "--json").json() for words in LISTINGS]
    small.fill()
    assert [tic(*words, "--json").json() for words in LISTINGS] == before
    small.free()
    small.close()
    assert [tic(*words, "--json").json() for words in LISTINGS] == before
    refused = tic("creds", "delete", "web", "--yes", code=5)
    assert "can't be written: it may only be read" in refused.err
    for doctor in (tic("vault", "doctor", code=5), tic("doctor", code=5)):
        assert "can't be written: it may only be read" in doctor.out + doctor.err
    small.open()
    tic("vault", "doctor")
