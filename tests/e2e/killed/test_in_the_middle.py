"""C3: cut off in one operation, before or after the provider did it: nothing is lost from sight."""

import os
import signal
from pathlib import Path

import pytest

from tests.e2e.command import Result
from tests.e2e.killed.lab import Lab, all_gone, named
from tests.e2e.killed.stopper import processes
from tests.engine.state.waiting import wait_for

pytestmark = pytest.mark.server

THING = {"create": "mill", "update": "gate", "delete": "tent"}
VICTIMS = {
    "tic": ("tic",),
    "pulumi": ("pulumi",),
    "plugin": ("plugin",),
    "all": ("supervisor", "program", "pulumi", "plugin", "tic"),
}
PLACES = [
    pytest.param(
        victim, operation, stage,
        marks=[] if (victim, operation, stage) == ("plugin", "create", "made") else pytest.mark.soak,
    )
    for victim in VICTIMS for operation in THING for stage in ("asked", "made")
]  # fmt: skip


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A stack in the first edition, whose program is the second one."""
    lab = Lab.made(tmp_path_factory.mktemp("labs") / "base", "first")
    lab.edit("second")
    return lab


def cut_in_the_middle(lab: Lab, victims: tuple[str, ...], place: str) -> Result:
    """Run `up` until the realm stops at this place, and kill the victims."""
    lab.tic.variables["REALM_STOP"] = place
    with lab.tic.running(*lab.words("up")) as run:
        lab.tic.variables["REALM_STOP"] = ""
        wait_for(lambda: lab.stopped.exists())
        there = dict(processes(run.pid))
        for role in victims:
            os.kill(there[role], signal.SIGKILL)
        out, err = run.communicate(timeout=120)
    assert all_gone(there)
    return Result(run.returncode, out, err)


@pytest.mark.parametrize(("victim", "operation", "stage"), PLACES)
def test_what_was_under_way_is_named_or_read(
    first: Lab, tmp_path: Path, victim: str, operation: str, stage: str
) -> None:
    lab, thing = first.copy(tmp_path / "lab"), THING[operation]
    cut = cut_in_the_middle(lab, VICTIMS[victim], f"{operation}:{stage}:{thing}")
    assert cut.code == (-signal.SIGKILL if "tic" in VICTIMS[victim] else 1), cut.err
    again = lab.run("up")
    truth = lab.truth("second")
    assert lab.differences("second") == set(), again.err
    assert (truth.missing, truth.stale, truth.unfinished) == ([], [], []), again.err
    assert (thing in truth.orphans) is (operation == "create" and stage == "made")
    assert set(truth.orphans) <= named(again), again.err
    if operation == "create":
        assert thing in named(again), again.err
        assert "tic" in VICTIMS[victim] or thing in named(cut), cut.err
        lab.run("refresh", "--clear-pending-creates")
        assert lab.truth("second").pending_creates == []
        assert named(lab.run("preview")) == set()
    else:
        assert f"{thing} ({operation[:-1]}ing)" in again.err
        told = {"update": "is other than the state said", "delete": "does not exist any more"}[operation]
        assert (f"{thing} {told}" in again.err) is (stage == "made")
