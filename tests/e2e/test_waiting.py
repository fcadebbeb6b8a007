"""A command whose database another program holds: it says so, names the program, and goes on."""

import subprocess
import sys
from pathlib import Path

from tests.e2e.command import Tic
from tests.engine.test_waiting import HOLD


def test_a_command_says_for_whom_it_waits_and_is_done_when_it_may(tmp_path: Path) -> None:
    tic = Tic(tmp_path / "home", tmp_path)
    tic("vault", "init")
    for name in ("prod", "web"):  # the first is Active, and not to be deleted
        fields = ("--provider", "username-password", "--field", "username=me", "--secrets-from", "-")
        tic("creds", "new", name, *fields, stdin='{"password": "of-the-web"}')
    command = [sys.executable, "-c", HOLD, str(tic.home / "tic.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with tic.running("creds", "delete", "web", "--yes") as waiting:
            tic.wait_for(waiting, f"waiting for process {other.pid} (")
            assert [each["name"] for each in tic("creds", "list", "--json").json()] == ["prod", "web"]
            other.kill()
            out, err = waiting.communicate(timeout=60)
        assert waiting.returncode == 0, out + err
    assert [each["name"] for each in tic("creds", "list", "--json").json()] == ["prod"]
