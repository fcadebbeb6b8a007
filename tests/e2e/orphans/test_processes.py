"""D1, C3: a run that is killed while it publishes and withdraws apex and wildcard leaves nothing for good.

Its process, or lego's worker in it, is killed at random moments; another process withdraws by name and value
what is left, half of the time with a credential that was rotated in between.
"""

import random
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from engine.challenges import withdraw_left_over
from tests.e2e.orphans.grounds import Counts, Ground, ground
from tests.engine.dns_world import DnsWorld, dns_world, warnings

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[3]
KINDS = ("rfc2136", "pdns", "exec")
RECOVERING = """
import sys
from pathlib import Path
from engine.challenges import withdraw_left_over
from engine.home import Home
from tests.engine.dns_world import reopened
folder = Path(sys.argv[1])
world = reopened(Home(folder / "home", folder / "cache"))
print("ready", flush=True)
withdraw_left_over(world.database, world.vault, None)
"""
LONGEST_SECONDS = {"rfc2136": 0.6, "pdns": 0.6, "exec": 1.8}
"""How long a process lives at most; lego and a program take longer to begin."""
FEW = 3
MANY = 300


def killed(folder: Path, at: Ground, chance: random.Random, counts: Counts) -> None:
    """Let a process publish and withdraw, and kill it, or first its worker, at a random moment."""
    command = [sys.executable, "-m", "tests.e2e.orphans.cycling", str(folder), at.address]
    command.append(str(chance.randrange(2**32)))
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(chance.uniform(0, LONGEST_SECONDS[at.kind]))  # the moment is what is random
            below = psutil.Process(process.pid).children(recursive=True)
            workers = [each for each in below if is_worker(each)]
            if workers and chance.random() < 0.5:
                chance.choice(workers).kill()
                counts.killed("worker")
                time.sleep(chance.uniform(0, LONGEST_SECONDS[at.kind]))
                below += psutil.Process(process.pid).children(recursive=True)
        finally:
            process.kill()
    counts.killed("run")
    _gone, alive = psutil.wait_procs(below, timeout=20)
    assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]


def is_worker(process: psutil.Process) -> bool:
    try:
        return any(word.endswith("worker_main.py") for word in process.cmdline())
    except psutil.Error:
        return False


def recovery_killed(folder: Path, chance: random.Random) -> None:
    """Let a process withdraw what is left, and kill that too."""
    command = [sys.executable, "-c", RECOVERING, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0, 0.2))
        process.kill()


def rotated(world: DnsWorld, at: Ground) -> None:
    """The server takes another secret, and the credential gets it."""
    at.rotate()
    world.vault.rotate(world.bindings[at.kind], at.fields())


def proof(folder: Path, kind: str, kills: int) -> Counts:
    """Kill so often, each time let another process recover, and count; prints seed and counts."""
    seed = random.randrange(2**32)
    chance, counts = random.Random(seed), Counts()
    world = dns_world(folder)
    with ground(kind, folder) as at:
        world.bind(kind, at.fields())
        before = at.everything()
        while sum(counts.kills.values()) < kills:
            killed(folder, at, chance, counts)
            if kind != "exec" and chance.random() < 0.5:
                rotated(world, at)
                counts.rotations += 1
            left = at.values()
            if chance.random() < 0.25:
                recovery_killed(folder, chance)
                counts.killed("recovery")
            told = withdraw_left_over(world.database, world.vault, None)
            assert warnings(told) == []
            counts.recovered += len(left)
            counts.hold(at, before)
            assert world.notes() == []
            assert (counts.orphans, counts.touched) == (0, 0), (seed, counts, at.everything())
    world.database.close()
    sys.stderr.write(f"{kind}, seed {seed}: {counts}\n")
    return counts


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_run_leaves_no_orphan_and_touches_no_foreign_record(tmp_path: Path, kind: str) -> None:
    counts = proof(tmp_path, kind, FEW)
    assert (counts.orphans, counts.touched) == (0, 0)


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_so_it_is_many_hundred_times(tmp_path: Path, kind: str) -> None:
    counts = proof(tmp_path, kind, MANY)
    assert counts.recovered > MANY // 10  # the moments were such that there was something to withdraw
