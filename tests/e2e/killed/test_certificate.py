"""C3, D1: struck down at any entry of its journal, an issuance goes on with what it has; no record is left.

The resources of tic find their own half-made objects, so nothing of them is ever a person's to look for.
"""

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.killed.lab import all_gone, named, strike
from tests.e2e.world import World, world
from tests.servers.bind import Bind, TsigKey
from tests.servers.pebble import Pebble

pytestmark = pytest.mark.server

VICTIMS = {
    "tic": ("tic",),
    "pulumi": ("pulumi",),
    "plugin": ("plugin",),
    "all": ("supervisor", "program", "pulumi", "plugin", "tic"),
}
UP = ("stack", "up", "site", "--env", "PULUMI_JOURNALING_BATCH_SIZE")


@pytest.fixture
def never_up(tmp_path: Path, own_bind: Bind, own_pebble: Pebble, tsig_key: TsigKey) -> Iterator[World]:
    """A stack that was never up; every entry of its runs' journals is sent by itself."""
    base = tmp_path / "base"
    base.mkdir()
    with world(base, own_bind, own_pebble, tsig_key) as made:
        made.tic.variables["PULUMI_JOURNALING_BATCH_SIZE"] = "1"
        made.new_credential()
        made.new_stack()
        yield made


def goes_on(base: World, folder: Path, victim: str, entry: int) -> bool:
    """Strike, and run again; False where the run has no such entry."""
    shutil.copytree(base.folder.parent, folder)
    tic = replace(base.tic, home=folder / "home", folder=folder / "work" / "site")
    cut = strike(tic, UP, folder, victims=VICTIMS[victim], when="after", entry=entry)
    if cut.struck:
        if "tic" in VICTIMS[victim]:
            assert all_gone(cut.processes)
        again = tic(*UP)
        place = f"{victim} at entry {entry}"
        assert (base.deployed / "privkey.pem").exists(), place
        assert base.bind.every_txt() == {}, place
        assert tic("dns", "records", "--json").json() == [], place
        assert named(cut.result, again) == set(), place
        assert "reading what is there now" not in again.err, place
    tic("stack", "destroy", "site", "--yes")
    assert not (base.deployed / "privkey.pem").exists()
    shutil.rmtree(folder)
    return cut.struck


def test_an_issuance_goes_on_after_a_kill(never_up: World, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    victim, entry = chance.choice([*VICTIMS]), chance.randrange(5, 20)
    struck = goes_on(never_up, tmp_path / "copy", victim, entry)
    print(f"seed {seed}: {victim} at entry {entry}: struck {struck}")  # noqa: T201 - figures


@pytest.mark.soak
@pytest.mark.parametrize("victim", VICTIMS)
def test_an_issuance_goes_on_after_a_kill_at_every_entry(
    never_up: World, tmp_path: Path, victim: str
) -> None:
    entry = 1
    while goes_on(never_up, tmp_path / f"entry-{entry}", victim, entry):
        entry += 1
    print(f"{victim} after each entry: {entry - 1} kills, all went on, no record left")  # noqa: T201 - figures
    assert entry > 15
