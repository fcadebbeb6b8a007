"""Where the output goes and can't go: closed, full, left by its reader. A process of its own each."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli import errors
from engine.errors import EngineError
from tests.cli.command import Tic

ROOT = Path(__file__).parents[2]


def shell(tic: Tic, words: str, redirection: str) -> "subprocess.CompletedProcess[str]":
    """`tic WORDS REDIRECTION` in a shell."""
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -m cli.main {words} {redirection}', sys.executable],
        cwd=ROOT,
        env={**os.environ, "TIC_HOME": str(tic.home)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_with_a_closed_stream_the_work_is_done(tic: Tic, closed: str) -> None:
    new = "creds new dns --provider exec --field path=/bin/true"
    said = shell(tic, new, closed)
    assert (said.returncode, said.stdout) == (0, "")
    assert shell(tic, "creds list", closed).returncode == 0
    assert "dns   exec" in tic("creds", "list").out


def test_a_closed_stdout_is_not_the_database(tic: Tic) -> None:
    assert shell(tic, "creds kinds", "<&- >&-").returncode == 0
    assert shell(tic, "vault status", "<&- >&- 2>&-").returncode == 0
    assert (tic.home / "tic.db").read_bytes().startswith(b"SQLite format 3\0")


@pytest.mark.parametrize("words", ["creds kinds", "creds kinds --json", "doctor --json", "--version"])
def test_an_output_that_is_full_is_one_clear_error(tic: Tic, words: str) -> None:
    said = shell(tic, words, "> /dev/full")
    assert said.returncode == 1
    assert said.stderr == (
        "error: something can't be written: No space left on device\n"
        "  next: free some disk space, or send the output elsewhere; then see what is there: tic doctor\n"
    )


def test_a_full_stderr_keeps_the_exit_code_of_a_refusal(fresh: Tic) -> None:
    assert shell(fresh, "creds list", "2> /dev/full").returncode == 5


def test_an_argument_that_is_no_text_is_one_clear_error(tic: Tic) -> None:
    done = shell(tic, """cert show "$(printf '\\377')" """, "")
    assert done.returncode == 2
    assert r"the argument '\xff' is no text in UTF-8" in done.stderr


def test_a_reader_that_leaves_ends_it_quietly(tic: Tic) -> None:
    said = shell(tic, "creds kinds --json", "| true; exit 0")
    assert said.stderr == ""


def test_a_message_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> None:
        raise EngineError("a\x1b[2Jb\x9bc", hint="d\re")

    assert errors.run(refuse) == 1
    assert capsys.readouterr().err == "error: a?[2Jb?c\n  next: d?e\n"


def test_every_exit_code_is_in_the_reference() -> None:
    reference = (ROOT / "docs" / "reference.md").read_text()
    for code in (0, 1, 2, 3, 4, 5, 6, 70, errors.INTERRUPTED, errors.PIPE_CLOSED):
        assert f"\n| {code} | " in reference
