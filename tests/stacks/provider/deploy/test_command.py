"""The command after a deployment: checked, without the run's variables, limited, run again if it failed."""

import os
import threading
import time
from pathlib import Path

import pytest

from stacks.provider.deploy.command import CommandFailed, run, words
from stacks.provider.deploy.directory import Directory
from stacks.provider.properties import Refused
from stacks.provider.resource import Unfinished
from stacks.provider.run import Operation, Run
from tests.stacks.provider.acme.chains import chain
from tests.stacks.provider.driver import Ear


@pytest.fixture
def safe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that nobody else can write to, up to the root."""
    folder = tmp_path_factory.mktemp("programs")
    folder.chmod(0o700)
    return folder


def script(folder: Path, text: str) -> str:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


def operation(ended: Run | None = None) -> Operation:
    return Operation.begin(ended or Run({}, Ear()), "urn")


def test_it_gets_its_arguments_as_they_are_and_none_of_the_runs_variables(
    safe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIC_BROKER_TOKEN", "canary-of-the-run")
    program = script(safe, 'env > env.txt; printf "%s\\n" "$@" > arguments.txt; pwd > folder.txt')
    run(operation(), [program, "a b", "$HOME", "; true"], 10, tmp_path)
    assert (tmp_path / "arguments.txt").read_text() == "a b\n$HOME\n; true\n"
    assert (tmp_path / "folder.txt").read_text().strip() == str(tmp_path)
    assert "canary" not in (tmp_path / "env.txt").read_text()


def test_one_that_fails_says_what_it_said_without_a_key(safe: Path, tmp_path: Path) -> None:
    made = chain("a.test")
    (tmp_path / "key").write_text(made.key)
    program = script(safe, "echo configuration is wrong; cat key; echo at line 3 >&2; exit 4")
    with pytest.raises(CommandFailed) as failed:
        run(operation(), [program], 10, tmp_path)
    assert "ended with code 4: configuration is wrong" in str(failed.value)
    assert "at line 3" in str(failed.value)
    assert made.key.splitlines()[1] not in str(failed.value)


def test_lines_of_a_key_are_not_shown_either(safe: Path, tmp_path: Path) -> None:
    made = chain("a.test")
    (tmp_path / "key").write_text(made.key)
    program = script(safe, "sed -n 2,3p key; tr -d -- - < key; exit 1")
    with pytest.raises(CommandFailed) as failed:
        run(operation(), [program], 10, tmp_path, made.key)
    assert not any(line in str(failed.value) for line in made.key.splitlines()[1:-1])


def test_one_that_hangs_is_ended_with_what_it_started(safe: Path, tmp_path: Path) -> None:
    program = script(safe, "trap '' TERM; sleep 600 & echo $! > child; wait")
    with pytest.raises(CommandFailed, match=r"took more than 0.3 s"):
        run(operation(), [program], 0.3, tmp_path)
    child = int((tmp_path / "child").read_text())
    _gone(child)


def test_what_it_leaves_behind_on_purpose_holds_nothing_up(safe: Path, tmp_path: Path) -> None:
    program = script(safe, "sleep 5 & echo $! > child; echo started")
    began = time.monotonic()
    run(operation(), [program], 60, tmp_path)
    assert time.monotonic() - began < 5
    os.kill(int((tmp_path / "child").read_text()), 9)


def test_a_cancelled_run_ends_it(safe: Path, tmp_path: Path) -> None:
    ended = Run({}, Ear())
    threading.Timer(0.2, ended.cancelled.set).start()
    with pytest.raises(CommandFailed, match="the run was cancelled"):
        run(operation(ended), [script(safe, "exec sleep 600")], 60, tmp_path)


def test_a_program_that_others_can_replace_is_not_run(safe: Path, tmp_path: Path) -> None:
    program = Path(script(safe, "touch ran"))
    program.chmod(0o777)
    with pytest.raises(CommandFailed, match="so it was not run"):
        run(operation(), [str(program)], 10, tmp_path)
    for wrong in (safe / "missing", safe):
        with pytest.raises(CommandFailed, match="so it was not run") as refused:
            run(operation(), [str(wrong)], 10, tmp_path)
        assert refused.value.hint == "correct `command`; then tic stack up"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("given", [[], ["nginx"], ["nginx -s reload"], ["/bin/sh", "a\0b"]])
def test_a_line_for_a_shell_is_refused_beforehand(given: list[str]) -> None:
    with pytest.raises(Refused):
        words(given)


def test_a_directory_whose_command_failed_is_kept_and_the_command_run_again(
    safe: Path, tmp_path: Path
) -> None:
    made, directory = chain("a.test"), Directory()
    program = script(safe, "test -e allowed && touch reloaded")
    given = {
        "path": str(tmp_path / "tls"),
        "certificatePem": made.certificate,
        "chainPem": made.intermediate,
        "privateKeyPem": made.key,
        "command": [program],
    }
    inputs = directory.check(given).inputs
    with pytest.raises(Unfinished, match="the certificate is in") as failed:
        directory.create(operation(), inputs)
    assert failed.value.id == given["path"]
    assert (tmp_path / "tls" / "cert.pem").exists()
    (tmp_path / "tls" / "allowed").touch()
    state = {**inputs, **failed.value.outputs}
    outputs = directory.update(operation(), state, inputs)
    assert (tmp_path / "tls" / "reloaded").exists()
    directory.delete(operation(), {**inputs, **outputs})
    assert sorted(each.name for each in (tmp_path / "tls").iterdir()) == ["allowed", "reloaded"]


def _gone(pid: int) -> None:
    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        try:
            status = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
        except FileNotFoundError:
            return
        if status == "Z":
            return
        time.sleep(0.01)
    raise AssertionError(f"process {pid} goes on")
