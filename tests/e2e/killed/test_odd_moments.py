"""C3, C4: killed at any transaction, in the recovery from a kill too, and at the end of a destroy."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.state import history, stacks
from tests.e2e.killed.lab import Lab, all_gone, named

pytestmark = pytest.mark.server

SIDE_BY_SIDE = 2
WHEN = ("before", "after")
BATCHED = {"PULUMI_JOURNALING_BATCH_SIZE": "100"}  # as tic's users have it


def transactions(lab: Lab, kind: str) -> int:
    """How many transactions such a run writes that nobody strikes."""
    lab.cut(kind, victims=(), when="after")
    return len(lab.counted.read_text().splitlines())


def struck_in_recovery(base: Lab, folder: Path, when: str, number: int) -> int:
    """A second kill, while the first one is recovered from; then a third run. Returns how many orphans."""
    lab = base.copy(folder / f"{when}-{number}", **BATCHED)
    again = lab.cut("up", victims=("tic",), when=when, transaction=number)
    assert not again.struck or all_gone(again.processes)
    last = lab.run("up")
    truth = lab.truth("second")
    assert lab.differences("second") == set(), last.err
    assert (truth.missing, truth.stale, truth.unfinished) == ([], [], []), last.err
    assert set(truth.orphans) <= named(last), last.err
    return len(truth.orphans)


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A stack whose change was cut off in the middle, and nobody has looked at it since."""
    lab = Lab.made(tmp_path_factory.mktemp("labs") / "base", "first")
    lab.edit("second")
    cut = lab.cut("up", victims=("pulumi", "plugin", "supervisor", "program", "tic"), when="after", entry=40)
    assert all_gone(cut.processes)
    return lab


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A stack that is up."""
    return Lab.made(tmp_path_factory.mktemp("labs") / "base", "first")


def struck_in_destroy(base: Lab, folder: Path, when: str, number: int) -> bool:
    """A kill while it is destroyed, then another destroy. Returns whether the first one had ended."""
    lab = base.copy(folder / f"{when}-{number}", **BATCHED)
    cut = lab.cut("destroy", victims=("tic",), when=when, transaction=number)
    assert not cut.struck or all_gone(cut.processes)
    with lab.database() as database, database.read() as connection:
        stack = stacks.find(connection, "thirty", "thirty")
        assert stack is not None
        ended = history.history(connection, stack.id)[0].status == "succeeded" and not lab.truth("").things
    assert lab.is_bound() is not ended, (number, when)
    lab.run("destroy")
    truth = lab.truth("")
    assert (truth.things, truth.missing, truth.unfinished) == ({}, [], [])
    assert not lab.is_bound()
    lab.tic("stack", "remove", "thirty", "--yes")
    return ended


def test_a_kill_in_the_recovery_from_a_kill(cut_off: Lab, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    when, number = chance.choice(WHEN), chance.randrange(1, 8)
    struck_in_recovery(cut_off, tmp_path, when, number)
    print(f"seed {seed}: {when} transaction {number}")  # noqa: T201 - figures


def test_a_destroy_has_ended_and_freed_the_credentials_or_neither(done: Lab, tmp_path: Path) -> None:
    last = transactions(done.copy(tmp_path / "counted", **BATCHED), "destroy")
    number = random.randrange(last - 4, last)
    ended = struck_in_destroy(done, tmp_path, "after", number)
    print(f"killed after transaction {number} of {last}: the destroy had ended: {ended}")  # noqa: T201 - figures


@pytest.mark.soak
def test_killed_at_every_transaction_of_a_recovery(cut_off: Lab, tmp_path: Path) -> None:
    count = transactions(cut_off.copy(tmp_path / "counted", **BATCHED), "up")
    places = [(when, number) for number in range(1, count + 1) for when in WHEN]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        orphans = list(pool.map(lambda place: struck_in_recovery(cut_off, tmp_path, *place), places))
    print(f"{len(places)} second kills, all converged, {sum(orphans)} orphans, all named")  # noqa: T201


@pytest.mark.soak
def test_killed_at_every_transaction_of_a_destroy(done: Lab, tmp_path: Path) -> None:
    count = transactions(done.copy(tmp_path / "counted", **BATCHED), "destroy")
    places = [(when, number) for number in range(1, count + 1) for when in WHEN]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        ended = list(pool.map(lambda place: struck_in_destroy(done, tmp_path, *place), places))
    print(f"{len(places)} kills, {sum(ended)} after its end, all freed")  # noqa: T201 - figures
