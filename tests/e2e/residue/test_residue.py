"""C2: a provider that copies its environment everywhere leaves no secret behind, whatever ends the run."""

import secrets
from pathlib import Path

import pytest

from tests.e2e.residue.careless import INTO, WAYS, careless

pytestmark = pytest.mark.server


@pytest.fixture
def seed() -> int:
    return secrets.randbits(32)


def test_a_provider_that_copies_everything_everywhere_leaves_nothing(
    tmp_path: Path, pulumi_command: Path, seed: int
) -> None:
    world = careless(tmp_path, pulumi_command, seed)
    everything = {"into": [one for one in INTO if one != "id"], "ways": list(WAYS)}
    said = world.run("up", {"a": everything, "b": {"into": ["id", "outputs"]}})
    assert "the provider copier repeated a credential's secret in outputs.copied" in said
    assert "copier:index:Copy 'a'" in said
    world.run("refresh", {})
    world.run("up", {"a": {**everything, "fail": "update", "turn": 2}, "c": everything})
    world.run("up", {"a": {**everything, "into": ["error", "crash", "stderr"], "fail": "update", "turn": 3}})
    world.run("up", {"a": {**everything, "turn": 4}}, kill_after=2.5)
    assert world.found == [], seed
    assert world.warned > 0


@pytest.mark.soak
def test_two_hundred_random_runs_leave_nothing(tmp_path: Path, pulumi_command: Path, seed: int) -> None:
    """20 homes of 10 runs: what a home keeps grows, and all of it is searched after each run."""
    runs = killed = 0
    for home in range(20):
        folder = tmp_path / str(home)
        folder.mkdir()
        world = careless(folder, pulumi_command, seed + home)
        for _ in range(10):
            world.any_run()
            assert world.found == [], (seed, home, world.runs)
        runs, killed = runs + world.runs, killed + world.killed
    print(f"{runs} runs, {killed} killed, seed {seed}: 0 hits")  # noqa: T201
    assert killed > 10
