"""Linked roles in processes of their own: waiting for a role, watching it, and clearing that is killed."""

import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import Tic as HereTic
from tests.e2e.command import Tic
from tests.e2e.role_world import RoleWorld, role_world

SAMPLE, SOAK = 4, 60


@pytest.fixture
def there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[RoleWorld]:
    run = HereTic(tmp_path / "home", monkeypatch, capsys)
    with role_world("tencentcloud", tmp_path, monkeypatch, run) as made:
        made.settle()
        yield made


def test_waiting_in_a_process_of_its_own_ends_when_the_role_is_there(there: RoleWorld) -> None:  # A2
    there.cloud.delete_role()
    tic = Tic(there.home, there.folder)
    with tic.running(*there.words_of_enable(), "--wait") as run:
        tic.wait_for(run, "waiting for it")
        assert there.json("role", "status", code=1)[0]["state"] == "authorizing"
        there.cloud.create_role()
        tic.wait_for(run, "is Enabled")
        assert run.wait(timeout=60) == 0
    assert there.linked()["state"] == "enabled"


def test_watching_says_when_a_role_is_deleted_and_when_it_is_back(there: RoleWorld) -> None:  # A4
    there.enable()
    there.new_stack()
    with Tic(there.home, there.folder).running("role", "status", "--watch", "--every", "1") as run:
        assert run.stdout is not None
        assert run.stderr is not None
        assert "tencentcloud  Enabled" in run.stdout.readline()
        there.cloud.delete_role()
        said = run.stdout.readline()
        assert "tencentcloud  Authorization failed: the role does not exist" in said
        assert "tic role reauthorize tencentcloud" in run.stderr.readline()
        there.cloud.create_role()
        assert "tencentcloud  Enabled" in run.stdout.readline()
    assert there.served_by() == "role"


def test_a_few_kills_of_clear_leave_all_or_nothing(there: RoleWorld, tmp_path: Path) -> None:  # A7
    assert killed(there, tmp_path, SAMPLE).total() == SAMPLE


@pytest.mark.soak
def test_many_kills_of_clear_leave_all_or_nothing(there: RoleWorld, tmp_path: Path) -> None:  # A7
    counts = killed(there, tmp_path, SOAK)
    assert counts["as before"] > 0
    assert counts["cleared"] > 0


def killed(there: RoleWorld, tmp_path: Path, times: int) -> Counter[str]:
    """Clear, killed at random moments, each time in a copy of the same home; what was found then."""
    there.new_credential("second")
    there.new_credential("third")
    for stack, credential in (("dev", "second"), ("other", "third"), ("more", "first")):
        there.new_stack(stack)
        there("stack", "bind", f"site/{stack}", credential)
    there.enable()
    kept = shutil.copytree(there.home, tmp_path / "kept")
    begun = time.monotonic()
    there_own = Tic(there.home, there.folder)
    there_own("creds", "clear", "--keep-source", "--yes")
    whole = time.monotonic() - begun
    counts: Counter[str] = Counter()
    seed = random.getrandbits(32)
    chance = random.Random(seed)
    for _ in range(times):
        shutil.rmtree(there.home)
        shutil.copytree(kept, there.home)
        there.home.chmod(0o700)
        with there_own.running("creds", "clear", "--keep-source", "--yes") as run:
            time.sleep(chance.uniform(whole / 2, whole))
            run.kill()
            run.wait()
        counts[found(there)] += 1
    sys.stderr.write(f"kills of a clear with seed {seed}: {dict(counts)}\n")
    return counts


def found(there: RoleWorld) -> str:
    """All of it, or nothing: no stack is without authorization, and no credential of a stack is gone."""
    served = {stack: there.served_by(stack) for stack in ("dev", "other", "more")}
    before = {"dev": "second", "other": "third", "more": "first"}
    if there.credentials() == {"first", "second", "third"}:
        assert served == before
        return "as before"
    assert there.credentials() == {"first"}
    assert served == dict.fromkeys(before, "role")
    return "cleared"
