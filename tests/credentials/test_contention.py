"""Several processes at once: never two Active ones, none deleted in use, each one whole (SPEC B2, A8)."""

import collections
import contextlib
import json
import subprocess
import sys
from pathlib import Path

from credentials.credential import State
from tests.credentials.worlds import KEYS, World

PROCESSES, OPERATIONS = 4, 100
ROOT = Path(__file__).parents[2]


def test_several_processes_keep_the_rules(world: World, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.credentials.contender", str(tmp_path)]
    running = [
        subprocess.Popen(
            [*words, str(seed), str(OPERATIONS)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(PROCESSES)
    ]
    snapshots = 0
    for process in running:
        while process.poll() is None:
            check(world)
            snapshots += 1
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.01)
    total: collections.Counter[str] = collections.Counter()
    for process in running:
        out, err = process.communicate()
        assert process.returncode == 0, err
        total.update(json.loads(out))
    check(world)
    for view in world.vault.list():
        opened = world.vault.opened(view.credential.token, purpose="a test").fields
        assert {name: value.reveal().decode() for name, value in opened.items()} == KEYS
    assert sum(total.values()) == PROCESSES * OPERATIONS
    assert snapshots > 0
    sys.stdout.write(
        f"{PROCESSES * OPERATIONS} operations, {snapshots} snapshots: {dict(sorted(total.items()))}\n"
    )


def check(world: World) -> None:
    """In any snapshot: one Active if there is any, and every binding has its credential."""
    with world.database.read() as connection:
        listed = connection.exec_driver_sql("SELECT state FROM credential").scalars().all()
        homeless = connection.exec_driver_sql(
            "SELECT count(*) FROM uses WHERE credential_id NOT IN (SELECT id FROM credential)"
        ).scalar_one()
        halves = connection.exec_driver_sql(
            "SELECT count(*) FROM credential WHERE 2 !="
            " (SELECT count(*) FROM credential_field AS field"
            " WHERE field.credential_id = credential.id AND field.version = credential.version)"
        ).scalar_one()
    assert listed.count(State.ACTIVE.value) == (1 if listed else 0)
    assert (homeless, halves) == (0, 0)
