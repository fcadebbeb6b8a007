"""`tic creds exec` as a process: one identity, private files, signals, terminal, what others see of it."""

import json
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.e2e.command import Tic

pytestmark = pytest.mark.server

SECRET = "canary-of-the-process"
SHOWS = 'trap "exit 41" {}; echo "$KUBECONFIG"; while :; do sleep 0.01; done'


@pytest.fixture(scope="module")
def tic(tmp_path_factory: pytest.TempPathFactory) -> Tic:
    folder = tmp_path_factory.mktemp("exec")
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    made = Tic(folder / "home", folder, {"XDG_RUNTIME_DIR": str(runtime)})
    made("vault", "init")
    for name, provider, fields in (
        ("key", "aws", {"access-key-id": "AKIA1", "secret-access-key": SECRET}),
        ("cluster", "kubernetes", {"server": "https://k8s.example.test", "token": SECRET}),
    ):
        made("creds", "new", name, "--provider", provider, "--secrets-from", "-", stdin=json.dumps(fields))
    return made


@contextmanager
def showing(tic: Tic, number: str) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """A command that has said where its file is, and waits for a signal."""
    with tic.running("creds", "exec", "cluster", "--", "sh", "-c", SHOWS.format(number)) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())


def test_the_command_is_one_identity_and_gets_no_key_of_the_vault(tic: Tic) -> None:
    """C2."""
    others = {
        "AWS_SESSION_TOKEN": "another", "AWS_PROFILE": "another", "AWS_REGION": "eu-west-1",
        "TIC_PASSPHRASE": "the-passphrase", "TENCENTCLOUD_SECRET_KEY": "stays",
    }  # fmt: skip
    asked = Tic(tic.home, tic.folder, {**tic.variables, **others})
    environment = dict(
        line.partition("=")[::2] for line in asked("creds", "exec", "key", "--", "env").out.splitlines()
    )
    found = {
        name: value for name, value in environment.items() if name.startswith("AWS_") and "CA" not in name
    }
    assert found == {"AWS_ACCESS_KEY_ID": "AKIA1", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "eu-west-1"}
    assert "TIC_PASSPHRASE" not in environment
    assert environment["TENCENTCLOUD_SECRET_KEY"] == "stays"


def test_stdin_and_exit_codes_pass_through(tic: Tic) -> None:
    assert tic("creds", "exec", "cluster", "--", "cat", stdin="a\tb\n").out == "a\tb\n"
    assert tic("creds", "exec", "key", "--", "sh", "-c", "cat; exit 3", stdin="x", code=3).out == "x"
    assert tic("creds", "exec", "cluster", "--", "sh", "-c", "kill -9 $$", code=137).err == ""


def test_the_terminal_is_the_commands(tic: Tic) -> None:
    leader, terminal = pty.openpty()
    with subprocess.Popen(
        tic.argv("creds", "exec", "cluster", "--", "sh", "-c", "test -t 0 && test -t 1 && test -t 2"),
        stdin=terminal, stdout=terminal, stderr=terminal,
        cwd=tic.folder, env=tic.environment(), start_new_session=True,
    ) as process:  # fmt: skip
        os.close(terminal)
        assert process.wait(timeout=60) == 0
    os.close(leader)


def test_export_process_shows_no_secret_at_a_terminal(tic: Tic) -> None:
    leader, terminal = pty.openpty()
    with subprocess.Popen(
        tic.argv("creds", "export-process", "key"),
        stdin=terminal, stdout=terminal, stderr=subprocess.PIPE,
        cwd=tic.folder, env=tic.environment(), start_new_session=True, text=True,
    ) as process:  # fmt: skip
        os.close(terminal)
        _out, err = process.communicate(timeout=60)
    os.close(leader)
    assert process.returncode == 2
    assert "stdout is a terminal" in err
    assert SECRET not in err


@pytest.mark.parametrize("number", ["TERM", "HUP", "INT"])
def test_a_signal_ends_the_command_and_its_file_is_gone(tic: Tic, number: str) -> None:
    with showing(tic, number) as (process, file):
        assert file.read_bytes()
        process.send_signal(signal.Signals[f"SIG{number}"])
        assert process.wait(timeout=60) == 41
        assert not file.exists()


def test_what_a_killed_tic_left_is_gone_after_the_next_command(tic: Tic) -> None:
    with showing(tic, "TERM") as (process, file):
        (command,) = psutil.Process(process.pid).children()
        process.kill()
        process.wait()
        assert file.exists()
        tic("creds", "exec", "key", "--", "true")
        assert not file.exists()
        command.kill()


def test_a_secret_is_in_no_argument_and_no_other_file(tic: Tic) -> None:
    with showing(tic, "TERM") as (process, file):
        below = psutil.Process(process.pid)
        seen = [part for one in (below, *below.children(recursive=True)) for part in one.cmdline()]
        assert not any(SECRET in part for part in seen)
        places = [
            path for path in tic.folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()
        ]
        assert places == [file]
        process.terminate()
        process.wait()
