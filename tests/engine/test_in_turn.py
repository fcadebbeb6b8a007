"""C3: what waits for a stack is told for whom, how long, and when it is enough."""

import time
from pathlib import Path

import pytest

from engine.home import Home
from engine.in_turn import REMIND_SECONDS, Wait, WaitEnded, in_turn
from engine.installation import Installation
from engine.state import stacks, updates
from engine.state.owner import Owner
from engine.state.stacks import Stack
from engine.state.updates import Request, UpdateRunning
from engine.turn import StackBusy
from tests.engine.test_turn import STACK
from tests.engine.vaults import fresh


def test_it_is_told_at_once_when_it_is_another_and_now_and_then() -> None:
    now, told = 0.0, list[str]()
    wait = Wait(None, told.append, clock=lambda: now)
    for moment, who in [(0, "a"), (1, "a"), (2, "b"), (31, "b"), (2 + REMIND_SECONDS, "b"), (33, "b")]:
        now = moment
        assert 0 < wait.go_on(STACK, "up", who) <= 1
    assert [line.partition(" (")[0] for line in told] == [
        "waiting for shop/dev: a",
        "waiting for shop/dev: b",
        "still waiting for shop/dev after 32 s: b",
    ]


def test_it_ends_in_time() -> None:
    now = 0.0
    wait = Wait(10, lambda _line: None, clock=lambda: now)
    now = 9.9
    assert wait.go_on(STACK, "up", "a") == pytest.approx(0.1)
    now = 10.0
    with pytest.raises(StackBusy, match="is busy: a, and was for the 10 s that this waited") as refused:
        wait.go_on(STACK, "up", "a")
    assert refused.value.hint.startswith("wait until it is done: tic stack up shop/dev --wait; or end it")


class Elsewhere:
    """A home with one stack, and an update of another machine on it."""

    def __init__(self, home: Home) -> None:
        self.installation = Installation(home)
        self.owner = Owner(7, "another-machine", "at some time")
        with self.installation.database.write() as connection:
            self.stack: Stack = stacks.create(connection, "shop", "dev")
        self.begin()

    def begin(self) -> None:
        """Let one run."""
        with self.installation.database.write() as connection:
            request = Request("update", False, "somebody", "v3", self.owner)
            self.update = updates.create(connection, self.stack.id, request)
            updates.start(connection, self.stack.id, self.update, b"lease", time.time())

    def end(self, *, starve: bool = False) -> None:
        """Let it end: or only its lease."""
        with self.installation.database.write() as connection:
            if starve:
                connection.exec_driver_sql("UPDATE stack_update SET lease_expires_at = 1")
            else:
                updates.complete(connection, self.update, b"lease", "succeeded", time.time())


@pytest.fixture
def elsewhere(tmp_path: Path) -> Elsewhere:
    return Elsewhere(fresh(tmp_path / "home"))


@pytest.mark.parametrize("starve", [False, True])
def test_an_update_elsewhere_is_waited_for_until_it_ends_or_nobody_renews_it(
    elsewhere: Elsewhere, *, starve: bool
) -> None:
    told = list[str]()

    def tell(line: str) -> None:
        told.append(line)
        elsewhere.end(starve=starve)

    done = in_turn(elsewhere.installation, elsewhere.stack, "up", lambda: "done", Wait(None, tell))
    assert done == "done"
    assert len(told) == 1
    assert told[0].startswith(
        "waiting for shop/dev: update by somebody, process 7 on another-machine, since "
    )


def test_one_that_comes_in_between_is_waited_for_too(elsewhere: Elsewhere) -> None:
    elsewhere.end()
    tries = 0

    def act() -> str:
        nonlocal tries
        tries += 1
        if tries > 1:
            return "done"
        elsewhere.begin()
        with elsewhere.installation.database.read() as connection:
            running = updates.running(connection, elsewhere.stack.id)
        assert running is not None
        raise UpdateRunning("shop/dev", running)

    def tell(line: str) -> None:
        if "another-machine" in line:
            elsewhere.end()

    assert in_turn(elsewhere.installation, elsewhere.stack, "up", act, Wait(None, tell)) == "done"
    assert tries == 2


def test_ctrl_c_ends_the_wait_and_says_that_nothing_was_changed(elsewhere: Elsewhere) -> None:
    def interrupt(_line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(WaitEnded, match="nothing was changed") as ended:
        in_turn(elsewhere.installation, elsewhere.stack, "up", lambda: None, Wait(None, interrupt))
    assert ended.value.exit_code == 130
    elsewhere.end()

    def act() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # what has begun is not a wait any more
        in_turn(elsewhere.installation, elsewhere.stack, "up", act, Wait(None, interrupt))
