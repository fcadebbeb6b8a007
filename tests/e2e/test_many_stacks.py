"""Many stacks at once over one database, each by the real engine: nothing is lost, nobody is refused (C3)."""

import random
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.database import Database
from engine.home import Home
from tests.e2e.command import Result, Tic
from tests.e2e.shop import UP, held, made, shop

pytestmark = pytest.mark.server

DESTROY = ("stack", "destroy", "--yes", "--env", "TRIVIAL_WORLD")
LEFT = {
    "batches of a journal": "SELECT count(*) FROM journal",
    "updates that have not ended": "SELECT count(*) FROM stack_update WHERE completed_at IS NULL",
    "credentials at work": "SELECT count(*) FROM credential_lease",
}


@pytest.fixture(params=["sqlite", "postgresql"])
def tic(tmp_path: Path, pulumi_command: Path, request: pytest.FixtureRequest) -> Tic:
    """A project and a vault with one credential, which every stack is bound to."""
    variables = {}
    if request.param == "postgresql":
        variables["TIC_DATABASE_URL"] = request.getfixturevalue("empty_postgres_url")
    tic = shop(tmp_path, pulumi_command, **variables)
    tic("vault", "init")
    fields = ("--provider", "username-password", "--field", "username=me", "--secrets-from", "-")
    tic("creds", "new", "web", *fields, stdin='{"password": "of-the-web"}')
    return tic


def at_once(tic: Tic, stacks: Sequence[str], words: Callable[[str], Sequence[str]], beside: int) -> None:
    """A command for each stack, so many processes at a time; none may fail, or meet a lock that it tells."""
    with ThreadPoolExecutor(beside) as pool:
        results: list[Result] = list(pool.map(lambda stack: tic(*words(stack)), stacks))
    for result in results:
        assert "locked" not in result.out + result.err


def run_many(tic: Tic, count: int, beside: int, *, destroyed: int = 0) -> None:
    """Make so many stacks, bring them up, and destroy some; prints the figures."""
    seed = random.randrange(2**32)
    stacks = [f"s{number:02}" for number in range(count)]
    random.Random(seed).shuffle(stacks)
    begun = time.monotonic()
    at_once(tic, stacks, lambda stack: ("stack", "new", stack, "--provider", "username-password"), beside)
    at_once(tic, stacks, lambda stack: (*UP, stack), beside)
    things = {stack: held(tic, stack) for stack in stacks}
    assert sorted(each for found in things.values() for each in found) == made(tic)
    assert {len(found) for found in things.values()} == {3}
    at_once(tic, stacks[:destroyed], lambda stack: (*DESTROY, stack), beside)
    seconds = time.monotonic() - begun
    assert made(tic) == sorted(each for stack in stacks[destroyed:] for each in things[stack])
    whole(tic, {stack: ["destroy", "up"] for stack in stacks[:destroyed]})
    whole(tic, {stack: ["up"] for stack in stacks[destroyed:]})
    sys.stdout.write(f"seed {seed}: {count} stacks, {beside} at a time, {seconds:.0f} s\n")


def whole(tic: Tic, kinds: dict[str, list[str]]) -> None:
    """Each stack's history is these kinds (newest first), all done, and nothing is at work any more."""
    for stack, expected in kinds.items():
        history = tic("stack", "history", stack, "--json").json()
        assert [(each["kind"], each["result"]) for each in history] == [
            (kind, "succeeded") for kind in expected
        ]
        assert [each["version"] for each in history] == list(range(len(expected), 0, -1))
    database = Database.open(Home(tic.home, tic.home, tic.variables.get("TIC_DATABASE_URL")))
    with database.read() as connection:
        left = {name: connection.exec_driver_sql(query).scalar_one() for name, query in LEFT.items()}
    database.close()
    assert left == dict.fromkeys(LEFT, 0)
    tic("vault", "doctor")
    tic("audit", "verify")


def test_some_stacks_at_once(tic: Tic) -> None:
    run_many(tic, 2 if "TIC_DATABASE_URL" in tic.variables else 4, 4)


@pytest.mark.soak
def test_fifty_stacks_at_once(tic: Tic) -> None:
    run_many(tic, 50, 8, destroyed=25)
