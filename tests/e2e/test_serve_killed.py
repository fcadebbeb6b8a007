"""Servers are killed at any moment of a CLI's update, again and again; the CLI notices nothing."""

import os
import random
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.balancer import balanced
from tests.e2e.team import Server, team
from tests.engine.state.program import Declared, Program
from tests.engine.state.waiting import wait_for

pytestmark = [pytest.mark.server, pytest.mark.soak]

ROUNDS = 20
THINGS = [f"t{number:02}" for number in range(24)]


def chain(gate: Path) -> Program:
    """Things that are made one after the other; the first waits at the gate."""
    first, *rest = THINGS
    following = (Declared(name, needs=(before,)) for before, name in zip(THINGS, rest, strict=False))
    return Program((Declared(first, {"wait": str(gate)}), *following))


@contextmanager
def killing(servers: list[Server], choose: random.Random) -> Iterator[list[int]]:
    """Kill one server after the other, each at some moment, and start it anew; yields when (ms)."""
    over, moments = threading.Event(), list[int]()

    def kill() -> None:
        while not over.wait(milliseconds := choose.randrange(1500) / 1000):
            server = choose.choice(servers)
            server.end(signal.SIGKILL)
            moments.append(round(milliseconds * 1000))
            server.start()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield moments
    finally:
        over.set()
        killer.join()


def test_what_a_cli_does_is_done_once_whenever_its_servers_are_killed(
    tmp_path: Path, pulumi_command: Path, empty_postgres_url: str
) -> None:  # C3
    seed = int(os.environ.get("TIC_TEST_SEED") or random.randrange(2**32))
    choose, kills = random.Random(seed), 0
    with team(tmp_path, pulumi_command, database_url=empty_postgres_url, homes=2) as made:
        token = made.token("builder")
        servers = [made.server(home=0), made.server(home=1)]
        with balanced(*(server.port for server in servers)) as balancer:
            for number in range(ROUNDS):
                cli, gate = made.cli(f"user{number}", balancer.port, token), tmp_path / f"go{number}"
                cli("stack", "init", f"s{number}")
                with cli.running("up", chain(gate)) as run:
                    wait_for(gate.with_name(f"{gate.name}.reached").exists)
                    with killing(servers, choose) as moments:
                        gate.touch()
                        printed, _ = run.communicate(timeout=240)
                    assert run.returncode == 0, (
                        f"seed {seed}, {number}, {moments}\n{printed}\n{servers[0].log.read_text()}"
                    )
                assert cli.made == THINGS, (seed, number, moments)
                assert f"{len(THINGS) + 1} unchanged" in cli.run("up", chain(gate)), (seed, number, moments)
                kills += len(moments)
    sys.stdout.write(
        f"seed {seed}: {ROUNDS} updates of {len(THINGS)} resources, {kills} servers killed meanwhile, "
        "each resource made once\n"
    )
