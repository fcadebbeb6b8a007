"""C3: struck down at any entry of its journal, a run of thirty resources is carried on by the next one."""

import itertools
import random
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from functools import cache, partial
from pathlib import Path

import pytest

from tests.e2e.killed.lab import Lab, all_gone, named

pytestmark = pytest.mark.server

EVERYONE = ("supervisor", "program", "pulumi", "plugin", "tic")
VICTIMS = {"tic": ("tic",), "pulumi": ("pulumi",), "plugin": ("plugin",), "all": EVERYONE}
WHEN = ("before", "after")
MOST_ENTRIES, FEWEST_ENTRIES = 80, 50  # of the change from one edition to the other, and of the other ways
SIDE_BY_SIDE = 2


@dataclass(frozen=True, slots=True)
class Way:
    """From a stack in the edition `start` to `goal`, by the command `kind`."""

    kind: str
    start: str
    goal: str


CHANGE, CREATE, DESTROY = Way("up", "first", "second"), Way("up", "", "first"), Way("destroy", "second", "")


@dataclass(frozen=True, slots=True)
class Figures:
    """Counted over many kills; `orphans` are things that were made and that no state has, all of them named
    to the user, `duplicates` those of them that exist beside one of their name that the state has.
    """

    kills: int = 0
    orphans: int = 0
    duplicates: int = 0
    named: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        mine, theirs = astuple(self), astuple(other)
        return Figures(*(one + another for one, another in zip(mine, theirs, strict=True)))

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.kills} converged, {self.orphans} orphans ({self.duplicates} of them "
            f"duplicates), all named; {self.named} creates named"
        )


@dataclass(frozen=True, slots=True)
class Kill:
    """Who is killed, and where in the run."""

    victim: str
    when: str
    entry: int

    def __str__(self) -> str:
        return f"{self.victim} {self.when} entry {self.entry}"


def converges(lab: Lab, way: Way, kill: Kill, *, forget: bool) -> Figures | None:
    """Strike, run again, and compare what exists with what is declared; None where the run ended before."""
    victims = VICTIMS[kill.victim]
    cut = lab.cut(way.kind, victims=victims, when=kill.when, entry=kill.entry)
    if not cut.struck:
        return None
    if "tic" in victims:
        assert all_gone(cut.processes), (kill, cut.processes)
    again = lab.run(way.kind)
    truth, told = lab.truth(way.goal), named(cut.result, again)
    assert lab.differences(way.goal) == set(), (kill, again.err)
    assert (truth.missing, truth.stale, truth.unfinished) == ([], [], []), (kill, again.err)
    assert set(truth.orphans) <= told, (kill, truth, again.err)
    if forget and truth.pending_creates:
        lab.run("refresh", "--clear-pending-creates")
        assert lab.truth(way.goal).pending_creates == [], kill
    duplicates = sum(truth.things[name] > 1 for name in truth.orphans)
    return Figures(1, len(truth.orphans), duplicates, len(told))


Bases = Callable[[Way], Lab]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    """Makes a stack that is where a way begins, its program where the way leads; once each."""

    @cache
    def made(way: Way) -> Lab:
        lab = Lab.made(tmp_path_factory.mktemp("labs") / "base", way.start)
        lab.edit(way.goal or way.start)
        return lab

    return made


def killed(lab: Lab, folder: Path, way: Way, kill: Kill, *, forget: bool = True) -> Figures | None:
    """The same in a copy of the lab, which is removed where all went well."""
    copy = lab.copy(folder / str(kill).replace(" ", "-"))
    figures = converges(copy, way, kill, forget=forget)
    shutil.rmtree(copy.folder)
    return figures


@pytest.mark.soak
@pytest.mark.parametrize("victim", VICTIMS)
def test_after_a_kill_the_next_up_converges(base: Bases, tmp_path: Path, victim: str) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    kill = Kill(victim, chance.choice(WHEN), chance.randrange(20, 70))
    print(f"seed {seed}: {kill}: {killed(base(CHANGE), tmp_path, CHANGE, kill)}")  # noqa: T201 - figures


@pytest.mark.soak
@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("victim", VICTIMS)
def test_killed_at_every_entry_of_a_run_with_replacements(
    base: Bases, tmp_path: Path, victim: str, when: str
) -> None:
    lab, total = base(CHANGE), Figures()

    def at(entry: int) -> Figures | None:
        return killed(lab, tmp_path, CHANGE, Kill(victim, when, entry), forget=entry % 5 == 0)

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for first in itertools.count(1, SIDE_BY_SIDE):
            done = list(pool.map(at, range(first, first + SIDE_BY_SIDE)))
            total = sum((each for each in done if each), start=total)
            if None in done:
                break
    print(f"{victim} {when} each entry: {total}")  # noqa: T201 - figures
    assert total.kills >= MOST_ENTRIES


@pytest.mark.soak
@pytest.mark.parametrize("way", [CREATE, DESTROY], ids=["create", "destroy"])
def test_killed_at_chosen_entries_of_a_first_run_and_of_a_last_one(
    base: Bases, tmp_path: Path, way: Way
) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    kills = [
        Kill(victim, when, entry)
        for victim in VICTIMS for when in WHEN for entry in chance.sample(range(2, FEWEST_ENTRIES), 6)
    ]  # fmt: skip
    lab, run = base(way), partial(killed, folder=tmp_path, way=way)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        done = list(pool.map(lambda kill: run(lab, kill=kill), kills))
    total = sum((each for each in done if each), start=Figures())
    print(f"seed {seed}: {way.kind} of {way.goal or way.start}: {total}")  # noqa: T201 - figures
    assert total.kills == len(kills)
