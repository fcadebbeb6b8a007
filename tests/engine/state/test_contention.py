"""Several processes write the journals of many stacks at once: nothing is lost, nobody is refused (C3)."""

import json
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine.database import Database
from engine.home import Home
from tests.engine.state.client import Client

ROOT = Path(__file__).parents[3]


def contend(
    home: Home, *, processes: int, stacks: int, updates: int, batches: int, seed: int
) -> dict[str, dict[str, Any]]:
    """What each stack's holder was told; a call that any of them could not make is a failed test."""
    numbers = [stacks, updates, batches, seed]
    variables = {"TIC_DATABASE_URL": home.database_url} if home.database_url else {}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.engine.state.contender", str(home.root)]
            + [str(number) for number in (first * stacks, *numbers)],
            cwd=ROOT,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for first in range(processes)
    ]
    told: dict[str, dict[str, Any]] = {}
    for process in running:
        out, err = process.communicate()
        assert process.returncode == 0, err
        assert err == ""
        told.update(json.loads(out))
    return told


def nothing_is_lost(home: Home, client: Client, **counts: int) -> None:
    """Run it, compare all that was acknowledged with what is there, and print the figures."""
    seed = random.randrange(2**32)
    begun = time.monotonic()
    told = contend(home, **counts, seed=seed)
    seconds = time.monotonic() - begun
    assert len(told) == counts["processes"] * counts["stacks"]
    for stack, said in told.items():
        deployment = client("GET", f"/api/stacks/tic/proj/{stack}/export").value["deployment"]
        found = [each["urn"].rpartition("::")[2] for each in deployment["resources"]]
        assert (sorted(found), deployment.get("pending_operations") or []) == (sorted(said["names"]), [])
        history = client("GET", f"/api/stacks/tic/proj/{stack}/updates").value["updates"]
        expected = [(version, "succeeded") for version in range(counts["updates"], 0, -1)]
        assert [(each["version"], each["result"]) for each in history] == expected
    times = sorted(each for said in told.values() for each in said["milliseconds"])
    sys.stdout.write(
        f"seed {seed}: {len(told)} stacks from {counts['processes']} processes, {len(times)} calls in "
        f"{seconds:.1f} s; milliseconds: median {statistics.median(times):.0f}, 99 in 100 below "
        f"{times[len(times) * 99 // 100]:.0f}, longest {times[-1]:.0f}\n"
    )


@pytest.fixture
def home(tmp_path: Path, database: Database, request: pytest.FixtureRequest) -> Home:
    """The home of `database`, for other processes."""
    on_server = request.node.callspec.params["database"] == "postgresql"
    url = request.getfixturevalue("postgres_url") if on_server else None
    return Home(tmp_path / "tic", tmp_path / "cache", url)


def test_a_dozen_stacks_at_once(home: Home, client: Client, database: Database) -> None:
    nothing_is_lost(home, client, processes=3, stacks=4, updates=2, batches=4)
    assert database.faults() == []


@pytest.mark.soak
def test_fifty_stacks_at_once_and_thousands_of_batches(
    home: Home, client: Client, database: Database
) -> None:
    nothing_is_lost(home, client, processes=10, stacks=5, updates=4, batches=25)
    assert database.faults() == []
