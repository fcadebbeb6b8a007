"""C3: the database's server is killed under a run; when it is back, the next run converges."""

import itertools
from pathlib import Path

import pytest

from tests.e2e.command import Result
from tests.e2e.killed.lab import named
from tests.e2e.shop import UP, held, made, shop
from tests.engine.state.waiting import wait_for
from tests.servers.postgres import SETTINGS, again, postgres

pytestmark = [pytest.mark.server, pytest.mark.soak]


def test_a_server_that_is_killed_under_a_run(
    tmp_path: Path, pulumi_command: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SETTINGS, "fsync", "on")
    with postgres() as server:
        tic = shop(tmp_path, pulumi_command, TIC_DATABASE_URL=server.url(server.empty()))
        tic("vault", "init")
        tic("stack", "new", "dev")
        tic("stack", "config", "set", "gate", str(tmp_path / "gate"))
        with tic.running(*UP) as run:
            wait_for((tmp_path / "gate.reached").exists)
            server.process.kill()
            (tmp_path / "gate").touch()
            out, err = run.communicate(timeout=240)
        assert run.returncode in (1, 5), out + err
        assert "can't be reached" in err
        assert err.splitlines()[-1].startswith("  next: ")
        with again(server):
            done = tic(*UP)
            things = held(tic, "dev")
            known = named(Result(run.returncode, out, err), done)
            assert len(things) == 3
            assert set(things) <= set(made(tic))
            orphans = set(made(tic)).difference(things)
            assert {"-".join(itertools.islice(each.split("-"), 2)) for each in orphans} <= known
            tic("vault", "doctor")
