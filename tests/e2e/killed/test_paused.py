"""C3: an owner that was paused, and whose lease another machine took, wakes up and can write nothing."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.state import history, stacks
from engine.state.tables import UPDATE
from tests.e2e.command import Result
from tests.e2e.killed.lab import Lab, named
from tests.engine.state.waiting import wait_for
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.server

OTHER_HOST = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--uts", "sh", "-c"]
RENAMED = 'hostname another-machine && exec "$@"'


@pytest.fixture
def here(tmp_path: Path, empty_postgres_url: str, shared_postgres: Postgres) -> Lab:
    """A machine with the stack, whose state is in PostgreSQL."""
    url = {"TIC_DATABASE_URL": empty_postgres_url, "PGPASSWORD": shared_postgres.password}
    return Lab.made(tmp_path / "here", "", **url)


def elsewhere(lab: Lab, *words: str) -> Result:
    """`tic` on another machine: another host name, another home with the same vault key."""
    command = [*OTHER_HOST, RENAMED, "sh", *lab.tic.argv(*words)]
    done = subprocess.run(
        command,
        cwd=lab.project,
        env=lab.tic.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def state(lab: Lab) -> tuple[Any, list[tuple[int, str]]]:
    """Everything that the stack's state says, and how its updates ended."""
    with lab.database() as database, database.read() as connection:
        stack = stacks.find(connection, "thirty", "thirty")
        assert stack is not None
        ended = [(each.version, each.status) for each in history.history(connection, stack.id)]
    return lab._state(), ended


def pause(pid: int, lab: Lab) -> None:
    """Stop the process outside of any transaction: in one, it would let nobody write."""
    while True:
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
        with lab.database() as database, database.read() as connection:
            locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
            if connection.exec_driver_sql(locks).scalar() == 0:
                return
        os.kill(pid, signal.SIGCONT)


def expire(lab: Lab) -> None:
    """What five minutes of silence would do."""
    with lab.database() as database, database.write() as connection:
        connection.execute(UPDATE.update().where(UPDATE.c.status == "running").values(lease_expires_at=0.0))


@pytest.mark.parametrize("taken", ["expired", pytest.param("forced", marks=pytest.mark.soak)])
def test_a_paused_owner_that_wakes_up_writes_nothing(here: Lab, tmp_path: Path, taken: str) -> None:
    there = here.copy(tmp_path / "there", **here.tic.variables)
    here.tic.variables["REALM_SECONDS"] = "0.3"
    with here.tic.running(*here.words("up")) as paused:
        here.tic.wait_for(paused, "Thing road created")
        pause(paused.pid, here)
        refused = elsewhere(there, *there.words("up"))
        assert refused.code == 3, refused.err
        assert f"process {paused.pid}" in refused.err
        if taken == "expired":
            expire(there)
        else:
            assert elsewhere(there, "stack", "cancel", "thirty").code == 3
            ended = elsewhere(there, "stack", "cancel", "thirty", "--force")
            assert "can write no more" in ended.err, ended.err
        done = elsewhere(there, *there.words("up"))
        assert done.code == 0, done.err
        before = state(here)
        os.kill(paused.pid, signal.SIGCONT)
        _out, err = paused.communicate(timeout=120)
    assert paused.returncode == 1, err
    assert "Traceback" not in err
    assert state(here) == before
    assert before[1] == [(2, "succeeded"), (1, "interrupted" if taken == "expired" else "cancelled")]
    truth = here.truth("first")
    assert (truth.missing, truth.stale, truth.unfinished) == ([], [], [])
    assert set(truth.orphans) <= named(done), (truth, done.err)
