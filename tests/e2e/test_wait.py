"""C3: two operations on one stack; the second says who runs, and waits for its turn if it is told to."""

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import pytest

from tests.e2e.command import Tic
from tests.e2e.shop import UP, held, made, shop
from tests.engine.state.waiting import wait_for

pytestmark = pytest.mark.server


@pytest.fixture
def tic(tmp_path: Path, pulumi_command: Path) -> Tic:
    return begun(shop(tmp_path, pulumi_command))


def begun(tic: Tic) -> Tic:
    """A vault, and a stack whose second thing waits at a gate."""
    tic("vault", "init")
    tic("stack", "new", "dev")
    tic("stack", "config", "set", "gate", str(gate(tic)))
    return tic


def gate(tic: Tic) -> Path:
    return tic.home.with_name("gate")


@contextmanager
def running(tic: Tic) -> Iterator["Popen[str]"]:
    """A run that stands at the gate."""
    with tic.running(*UP) as run:
        wait_for(gate(tic).with_name("gate.reached").exists)
        yield run


def test_the_second_waits_and_goes_on_when_the_first_is_done(tic: Tic) -> None:
    with running(tic) as first:
        refused = tic(*UP, code=3)
        assert f"shop/dev is busy: up by process {first.pid}, since " in refused.err
        assert "tic stack up shop/dev --wait; or end it: tic stack cancel shop/dev" in refused.err
        with tic.running(*UP, "--wait", "--wait-timeout", "10m") as second:
            tic.wait_for(second, f"waiting for shop/dev: up by process {first.pid}, since ")
            tic("stack", "config", "set", "value", "two")  # what waits reads it when its turn has come
            gate(tic).touch()
            assert first.wait(60) == 0
            _out, err = second.communicate(timeout=60)
        assert second.returncode == 0, err
    assert [each["result"] for each in tic("stack", "history", "--json").json()] == ["succeeded"] * 2
    assert tic("stack", "outputs", "--json").json() == {"value": "two"}
    assert held(tic, "dev") == made(tic)
    assert len(made(tic)) == 3


def test_a_wait_ends_when_it_is_told_to_and_changes_nothing(tic: Tic) -> None:
    with running(tic) as first:
        over = tic("stack", "destroy", "--yes", "--wait-timeout", "1s", code=3)
        assert f"is busy: up by process {first.pid}" in over.err
        assert "and was for the 1 s that this waited" in over.err
        with tic.running("stack", "refresh", "--wait") as waiting:
            tic.wait_for(waiting, "waiting for shop/dev: up by")
            waiting.send_signal(signal.SIGINT)
            _out, err = waiting.communicate(timeout=60)
        assert waiting.returncode == 130
        assert err.startswith("error: the wait for shop/dev was ended; nothing was changed\n  next: ")
        bad = tic(*UP, "--wait-timeout", "soon", code=2)
        assert "write it as 90s, 10m or 1h" in bad.err
        gate(tic).touch()
        assert first.wait(60) == 0
    assert [each["kind"] for each in tic("stack", "history", "--json").json()] == ["up"]


def test_another_machine_on_the_same_database_waits_for_the_lease(
    tmp_path: Path, pulumi_command: Path, empty_postgres_url: str
) -> None:
    """A second home is another machine: only the state service's lease is common."""
    here = begun(shop(tmp_path / "here", pulumi_command, TIC_DATABASE_URL=empty_postgres_url))
    there = Tic(tmp_path / "there", here.folder, here.variables)
    there.home.mkdir(mode=0o700)
    shutil.copy(here.home / "vault.key", there.home)
    with running(here) as first:
        refused = there(*UP, code=3)
        assert "another update of shop/dev is running since " in refused.err
        assert f"process {first.pid}" in refused.err
        assert "as --wait does; or end it: tic stack cancel shop/dev" in refused.err
        with there.running(*UP, "--wait") as second:
            there.wait_for(second, "waiting for shop/dev: update by ")
            gate(here).touch()
            assert first.wait(60) == 0
            _out, err = second.communicate(timeout=60)
        assert second.returncode == 0, err
    assert [each["result"] for each in there("stack", "history", "--json").json()] == ["succeeded"] * 2
    assert held(here, "dev") == made(here)
