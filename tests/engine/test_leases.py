"""What a run has of the vault is leased to it, and known to its sieve beforehand (B5, C2)."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from credentials.credential import Lease, Use
from credentials.scopes import OutOfScope, Place
from credentials.vault import Vault
from engine.bindings import Usage
from engine.database import Database
from engine.home import Home
from engine.leases import FOREIGN_SECONDS, alive, lessee
from engine.state import owner
from tests.engine.dns_world import DnsWorld, dns_world

SECRETS = {"secret-id": "an-id", "secret-key": "first-secret-5f0e1d"}
NEW = {"secret-id": "an-id", "secret-key": "second-secret-9a7c"}
HERE = socket.gethostname()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[DnsWorld]:
    made = dns_world(tmp_path)
    made.vault.new("prod", "tencentcloud", SECRETS)
    yield made
    made.database.close()


def lease(pid: int, started: float, *, host: str = HERE, since: float = 1000.0) -> Lease:
    return Lease(1, 1, Use("run", "up", host, pid, started), since)


def present(world: DnsWorld) -> Lease:
    (found,) = world.vault.leases()
    return found


def test_a_lease_names_the_process_and_lives_as_long(world: DnsWorld) -> None:
    with lessee(world.vault) as mine:
        mine.opened("prod", "up site/dev")
        found = present(world)
        assert (found.use.purpose, found.use.holder) == ("up site/dev", mine.holder)
        assert found.use.host == HERE
        assert alive(found)
    assert world.vault.leases() == []


def test_a_process_that_ended_holds_nothing(world: DnsWorld) -> None:
    code = (
        "from engine.leases import by_this_process; use = by_this_process('x', 'y')\n"
        "print(use.pid, use.process_started, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pid, started = process.stdout.readline().split()
        assert alive(lease(int(pid), float(started)))
        assert not alive(lease(int(pid), float(started) + 1)), "another process had its id"
        process.kill()
        process.wait()
        assert not alive(lease(int(pid), float(started)))


def test_of_another_host_nothing_is_sure_for_a_day() -> None:
    far = lease(1, 1.0, host="elsewhere", since=1000.0)
    assert alive(far, now=lambda: 1000.0 + FOREIGN_SECONDS - 1)
    assert not alive(far, now=lambda: 1000.0 + FOREIGN_SECONDS)


def test_what_a_run_opens_is_learned_before_it_is_returned_and_only_secrets_are(world: DnsWorld) -> None:
    learned: list[bytes] = []
    with lessee(world.vault, learn=learned.extend) as mine:
        opened = mine.opened("prod", "up")
        assert learned == [b"first-secret-5f0e1d"]
        world.vault.rotate("prod", NEW)
        assert mine.find("prod").version == opened.credential.version + 1
        mine.opened("prod", "up")
        assert learned == [b"first-secret-5f0e1d", b"second-secret-9a7c"]


def test_where_a_secret_cant_be_learned_it_is_not_handed_out(world: DnsWorld) -> None:
    def refuse(_secrets: object) -> None:
        raise RuntimeError("the sieve is torn")

    with lessee(world.vault, learn=refuse) as mine, pytest.raises(RuntimeError, match="torn"):
        mine.opened("prod", "up")


def test_it_is_used_in_one_place(world: DnsWorld) -> None:  # B7
    world.vault.rescope("prod", "project:shop")
    with lessee(world.vault, place=Place("shop")) as mine:
        mine.opened("prod", "up")
    with lessee(world.vault, place=Place("site")) as mine, pytest.raises(OutOfScope):
        mine.opened("prod", "up")


def test_a_run_ends_its_leases_however_it_ends(world: DnsWorld) -> None:
    def run() -> None:
        with lessee(world.vault) as mine:
            mine.opened("prod", "up")
            world.vault.rotate("prod", NEW, alive=alive)
            assert [one.version for one in world.vault.versions("prod")] == [1, 2]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert world.vault.leases() == []
    assert [one.version for one in world.vault.versions("prod")] == [2]


def test_two_runs_of_one_process_are_two_holders(world: DnsWorld) -> None:
    with lessee(world.vault) as one, lessee(world.vault) as two:
        one.opened("prod", "up")
        two.opened("prod", "up")
        assert {each.use.holder for each in world.vault.leases()} == {one.holder, two.holder}


def test_this_process_is_known_by_a_number_that_no_clock_changes() -> None:
    started = owner.this_process().started
    assert started == owner.started(owner.this_process().pid)
    assert float(started.rpartition(":")[2]) > 0


@pytest.mark.server
def test_on_postgresql_a_version_stays_as_long_as_a_run_works_with_it_too(
    tmp_path: Path, postgres_url: str
) -> None:
    home = Home(tmp_path / "home", tmp_path / "cache", postgres_url)
    home.make()
    database = Database.open(home)
    vault = Vault.create(database, home.root, usage=Usage())
    vault.new("prod", "tencentcloud", SECRETS)
    with lessee(vault) as mine:
        mine.opened("prod", "up")
        mine.opened("prod", "up")
        assert vault.rotate("prod", NEW, alive=alive).kept == (1,)
        vault.sweep(alive=alive)
        assert [len(one.leases) for one in vault.versions("prod")] == [1, 0]
    assert [one.version for one in vault.versions("prod")] == [2]
    assert vault.leases() == []
    database.close()
