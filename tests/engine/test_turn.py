"""C3: one operation per stack at a time, and nothing left by a holder that was killed."""

import subprocess
import sys
from pathlib import Path

import pytest

from engine.home import Home
from engine.leftovers import private_folder, sweep
from engine.state.stacks import Stack
from engine.turn import StackBusy, turn

STACK = Stack(7, "tic", "shop", "dev", "", 0, {}, 0.0)
HOLDER = """
import sys
sys.path.insert(0, {source!r})
from pathlib import Path
from engine.home import Home
from engine.leftovers import private_folder
from engine.turn import turn
from tests.engine.test_turn import STACK
home = Home(Path({root!r}), Path({root!r}))
with turn(home, STACK, "up"), private_folder(home) as folder:
    (folder / "credentials.json").write_text("a token")
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home", tmp_path / "cache")
    made.make()
    return made


def test_a_second_one_is_told_who_runs_and_a_killed_holder_blocks_nobody(home: Home) -> None:
    code = HOLDER.format(source=str(Path(__file__).parents[2]), root=str(home.root))
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(StackBusy, match=f"up by process {holder.pid}") as refused,
            turn(home, STACK, "up"),
        ):
            pass
        assert refused.value.hint.endswith("tic stack cancel shop/dev")
        sweep(home)
        assert [path.name for path in (home.root / "run").rglob("credentials.json")] == ["credentials.json"]
        holder.kill()
    with turn(home, STACK, "destroy"):
        sweep(home)
    assert list((home.root / "run").rglob("credentials.json")) == []


def test_a_folder_of_a_run_is_gone_after_it_also_when_it_fails(home: Home) -> None:
    with pytest.raises(LookupError), private_folder(home) as folder:  # noqa: PT012 - the block is what fails
        (folder / "file").touch()
        raise LookupError
    assert not folder.exists()


def test_of_pulumis_logs_the_newest_are_kept(home: Home) -> None:
    logs = home.pulumi / "logs"
    logs.mkdir(parents=True)
    for number in range(50):
        (logs / f"log-{number:03}").touch()
    sweep(home)
    assert sorted(path.name for path in logs.iterdir()) == [f"log-{number:03}" for number in range(30, 50)]
